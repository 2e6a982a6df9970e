//! `AccountService.GetAccount`

use contract::proto::auth::GetAccountRequest;

use crate::world::{World, with_tokens};

#[tokio::test]
async fn each_user_reads_their_own_account() {
    let world = World::boot().await;
    for person in [world.person().await, world.person().await] {
        let request = with_tokens(&person.tokens, GetAccountRequest {});
        let account = world.account.clone().get_account(request).await.unwrap();
        let account = account.into_inner().account.unwrap();
        assert_eq!((account.id, account.email), (person.id, person.email));
    }
}
