//! `AuthService.RefreshTokens` with the actions of a client, a thief and an operator in any order.
//!
//! The properties in every order:
//! - A response is either a pair never seen before or the latest pair: there is one current generation.
//! - A device that sends tags never loses its session, unless somebody else has used it or the database was restored. An old
//!   copy of its own token is stale. That holds from sign-up or from its first refresh with a tag, as after an upgrade. When a browser
//!   has erased the tag and kept the token, a new tag is good with the current generation.
//! - After a thief has refreshed, the victim's next refresh detects it. A thief who refreshes after the victim is detected at
//!   once. If no tag was ever declared, both may get the same pair within the short window. They are detected when one of them later
//!   presents a token that the other has refreshed.
//! - A restored database is not reported as theft.

use std::time::Duration;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use testing::reason;
use tokio::runtime::Runtime;

use crate::{
    refresh_steps::{Step, Tags, bytes, step, tags},
    world::World,
};

const WINDOW: Duration = Duration::from_secs(5);

/// One session.
struct Scenario<'a> {
    world: &'a World,
    tags: Tags,
    session_id: String,
    /// The client's refresh token.
    held: String,
    /// The thief's refresh token.
    stolen: Option<String>,
    /// What a sleeping tab of the client has.
    asleep: Option<String>,
    /// Every refresh token in a response so far, the latest last.
    answered: Vec<String>,
    /// When the latest of them was first returned.
    rotated: i64,
    tags_of_row: Vec<Option<u8>>, // of the sign-up and of each rotation
    /// A thief has got a pair that the client has not got since.
    thief_succeeded: bool,
    /// A response has shown that the session has ended.
    over: bool,
    restored: bool,
}

impl Scenario<'_> {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Refresh => self.client_refreshes(self.held.clone()).await,
            Step::Lose => drop(self.client_presents(self.held.clone()).await),
            Step::Sleep => self.asleep = Some(self.held.clone()),
            Step::Wake => self.wake().await,
            Step::Upgrade => self.tags.upgrade(),
            Step::Erase => self.tags.erase(),
            Step::Tabs => self.tabs_refresh().await,
            Step::Steal => self.stolen = Some(self.held.clone()),
            Step::Thieve => self.thief_refreshes().await,
            Step::Backup => self.copy("auth.session", "public.backup").await,
            Step::Restore => self.restore().await,
            Step::Wait(seconds) => self.world.advance(Duration::from_secs(seconds)),
        }
    }

    async fn send(&self, token: &str, tag: Option<u8>) -> Result<String, String> {
        let answer = self.world.refresh(token, &bytes(tag)).await;
        answer
            .map(|pair| pair.refresh_token)
            .map_err(|refused| reason(&refused))
    }

    async fn client_refreshes(&mut self, presented: String) {
        if let Some(token) = self.client_presents(presented).await {
            self.held = token;
        }
    }

    async fn client_presents(&mut self, presented: String) -> Option<String> {
        let behind = self.behind(&presented);
        let late = behind > 1 || (behind == 1 && !self.may_be_shared());
        let own = self.client_was_last();
        match self.send(&presented, self.tags.client).await {
            Ok(token) => {
                assert!(!self.over, "a session that has ended continues");
                assert!(behind < 2 || self.restored, "an old copy is current");
                let hidden = self.restored || (!self.declared() && !late);
                assert!(
                    !self.thief_succeeded || hidden,
                    "the victim's refresh did not detect the thief"
                );
                self.thief_succeeded &= self.restored;
                self.note(&token, self.tags.client);
                Some(token)
            }
            Err(reason) if reason == "REFRESH_TOKEN_STALE" => {
                let old_copy = behind > 1 && own;
                assert!(old_copy || self.restored, "a token is stale that is not");
                None
            }
            Err(reason) => {
                // Only a client whose tag is not that of the last refresh can be too late to repeat its own refresh.
                let too_late = late && !own;
                let explained = self.over || self.thief_succeeded || self.restored || too_late;
                assert!(explained, "an honest client lost its session: {reason}");
                if !self.thief_succeeded && !too_late && !self.over {
                    assert_eq!(
                        reason, "SESSION_REVOKED",
                        "a restored database is not reported as theft"
                    );
                }
                self.over = true;
                None
            }
        }
    }

    async fn tabs_refresh(&mut self) {
        let Some(token) = self.client_presents(self.held.clone()).await else {
            return;
        };
        let tries = (0..7).map(|_| self.send(&self.held, self.tags.client));
        for answer in futures_util::future::join_all(tries).await {
            assert_eq!(answer.as_ref(), Ok(&token), "the tabs of one client differ");
        }
        self.held = token;
    }

    async fn wake(&mut self) {
        if let Some(copy) = self.asleep.clone() {
            self.client_refreshes(copy).await;
        }
    }

    async fn thief_refreshes(&mut self) {
        let Some(stolen) = self.stolen.clone() else {
            return;
        };
        let behind = stolen != *self.latest();
        let shared = self.may_be_shared();
        match self.send(&stolen, self.tags.thief).await {
            Ok(token) => {
                assert!(!self.over, "a session that has ended continues");
                assert!(
                    !behind || shared || self.thief_succeeded || self.restored,
                    "a thief came after the victim and was not found"
                );
                self.thief_succeeded = true;
                self.note(&token, self.tags.thief);
                self.stolen = Some(token);
            }
            Err(reason) => {
                assert!(
                    ["REFRESH_TOKEN_REUSED", "SESSION_REVOKED"].contains(&reason.as_str()),
                    "{reason}"
                );
                self.over = true;
            }
        }
    }

    /// Whether the client sends the tag of the last rotation.
    fn client_was_last(&self) -> bool {
        self.tags.client.is_some() && self.tags_of_row.last() == Some(&self.tags.client)
    }

    /// Whether any party has ever declared a tag.
    fn declared(&self) -> bool {
        self.tags_of_row.iter().any(Option::is_some)
    }

    fn latest(&self) -> &String {
        self.answered
            .last()
            .expect("the sign-up returned the first one")
    }

    /// How many generations a token is behind the latest one.
    fn behind(&self, token: &String) -> usize {
        let at = self.answered.iter().position(|answered| answered == token);
        self.answered.len() - 1 - at.expect("only tokens from answers are presented")
    }

    /// Whether the previous generation is still good with any tag.
    fn may_be_shared(&self) -> bool {
        !self.declared() && self.world.seconds() - self.rotated < WINDOW.as_secs().cast_signed()
    }

    fn note(&mut self, token: &String, tag: Option<u8>) {
        if self.answered.contains(token) {
            assert!(
                self.restored || token == self.latest(),
                "an older generation is current"
            );
        } else {
            self.answered.push(token.clone());
            self.rotated = self.world.seconds();
            self.tags_of_row.push(tag);
        }
    }

    async fn copy(&self, from: &str, to: &str) {
        let mut connection = self.world.connect().await;
        let statement = format!(
            "create table if not exists public.backup (like auth.session);
             delete from {to} where id = '{id}';
             insert into {to} select * from {from} where id = '{id}'",
            id = self.session_id
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
    }

    async fn restore(&mut self) {
        let mut connection = self.world.connect().await;
        let exists = sqlx::query_scalar("select to_regclass('public.backup') is not null");
        let exists: bool = exists.fetch_one(&mut connection).await.unwrap();
        let count: i64 = if exists {
            let count = "select count(*) from public.backup where id = $1::uuid";
            let count = sqlx::query_scalar(count).bind(&self.session_id);
            count.fetch_one(&mut connection).await.unwrap()
        } else {
            0
        };
        if count == 1 {
            self.copy("public.backup", "auth.session").await;
            // A session that had ended may be live again after the restore, and a live one may have ended.
            self.restored = true;
            self.over = false;
        }
    }

    /// At the end, a thief who has refreshed is detected, and a client without a thief continues.
    async fn end(mut self) {
        if self.over || self.restored {
            return;
        }
        let (alone, declared) = (!self.thief_succeeded, self.declared());
        let current = self.held == *self.latest();
        let own = self.client_was_last();
        self.world.advance(2 * WINDOW);
        let answered = self.client_presents(self.held.clone()).await.is_some();
        if alone {
            assert!(answered || (!own && !current));
        } else {
            assert!(!answered || (!declared && current));
        }
    }
}

async fn run_scenario(world: &World, tags: Tags, steps: Vec<Step>) {
    let born = tags.client.filter(|_| tags.from_birth);
    let person = world.person_with_tag(&bytes(born)).await;
    let held = person.tokens.refresh_token;
    let mut run_scenario = Scenario {
        world,
        tags,
        session_id: person.tokens.session_id,
        answered: vec![held.clone()],
        held,
        stolen: None,
        asleep: None,
        rotated: world.seconds(),
        tags_of_row: vec![born],
        thief_succeeded: false,
        over: false,
        restored: false,
    };
    for step in steps {
        run_scenario.take(step).await;
    }
    run_scenario.end().await;
}

#[test]
fn in_any_order_one_generation_is_current_no_honest_client_loses_and_no_thief_is_undetected() {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(World::boot());
    let mut runner = TestRunner::new(Config {
        cases: 96,
        failure_persistence: None,
        ..Config::default()
    });
    let cases = (tags(), prop::collection::vec(step(), 1..24));
    let ran = runner.run(&cases, |(tags, steps)| {
        runtime.block_on(run_scenario(&world, tags, steps));
        Ok(())
    });
    if let Err(failure) = ran {
        panic!("{failure}");
    }
    runtime.block_on(async { drop(world.stop().await) });
}
