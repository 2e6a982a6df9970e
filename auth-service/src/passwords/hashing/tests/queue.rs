//! Which calls wait, which are refused and which jobs are skipped.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc,
};

use api::ids::UserId;

use super::*;

fn known() -> HashingPrincipal {
    HashingPrincipal::known(UserId::at(chrono::DateTime::UNIX_EPOCH), [0; 32], None)
}

/// Occupies the only thread of `hasher` until the returned sender is dropped.
async fn occupy(hasher: &Hasher) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = oneshot::channel();
    let hasher = hasher.clone();
    tokio::spawn(async move {
        hasher
            .run(anyone(), soon(), move |_| {
                started.send(()).unwrap();
                let _released = released.recv();
            })
            .await
    });
    has_started.await.unwrap();
    release
}

/// Lets `call` enter the queue, and asserts that it waits there.
async fn enqueue<T: std::fmt::Debug>(call: std::pin::Pin<&mut impl Future<Output = T>>) {
    tokio::select! {
        biased;
        early = call => panic!("the only thread is occupied, but there is an answer: {early:?}"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    let release = occupy(&hasher).await;
    let chosen = password("correct horse");
    let mut waiting = Box::pin(hasher.hash(&chosen, anyone(), soon()));
    enqueue(waiting.as_mut()).await;
    let refused = hasher.hash(&chosen, anyone(), soon()).await;
    assert_eq!(refused, Err(HashError::QueueFull));
    let presented = PresentedPassword::new("correct horse");
    let refused = hasher.verify(presented, None, anyone(), soon()).await;
    assert_eq!(refused, Err(HashError::QueueFull));
    drop(release);
    assert!(waiting.await.is_ok(), "a call in the queue is served");
}

#[tokio::test]
async fn a_caller_does_not_wait_after_its_deadline_and_its_work_is_skipped() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    let release = occupy(&hasher).await;
    let worked = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&worked);
    let late = hasher.run(anyone(), Instant::now(), move |_| {
        mark.store(true, Ordering::SeqCst);
    });
    assert_eq!(late.await, Err(HashError::DeadlineExceeded));
    drop(release);
    // The queue is in order, so the other job has had its turn when this one is done.
    while hasher.run(anyone(), soon(), |_| ()).await == Err(HashError::QueueFull) {
        tokio::task::yield_now().await;
    }
    assert!(!worked.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_caller_that_has_gone_is_skipped() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    let release = occupy(&hasher).await;
    let worked = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&worked);
    let mut gone = Box::pin(hasher.run(anyone(), soon(), move |_| {
        mark.store(true, Ordering::SeqCst);
    }));
    enqueue(gone.as_mut()).await;
    drop(gone);
    drop(release);
    while hasher.run(anyone(), soon(), |_| ()).await == Err(HashError::QueueFull) {
        tokio::task::yield_now().await;
    }
    assert!(!worked.load(Ordering::SeqCst));
}

#[test]
fn a_job_taken_after_its_deadline_is_refused_without_hashing() {
    let like = StoredHash::new(&CHEAP, None, &[0; 48]).unwrap();
    let worked = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&worked);
    let (answer, mut answered) = oneshot::channel();
    let late = job(Instant::now(), answer, move |_| {
        mark.store(true, Ordering::SeqCst);
    });
    late.run(&mut Arena::new(&like));
    assert_eq!(answered.try_recv(), Ok(Err(HashError::DeadlineExceeded)));
    assert!(!worked.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_known_device_does_not_wait_behind_unknown_clients() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    let release = occupy(&hasher).await;
    let mut unknown = Box::pin(hasher.run(anyone(), soon(), |_| ()));
    enqueue(unknown.as_mut()).await;
    let refused = hasher.run(anyone(), soon(), |_| ()).await;
    assert_eq!(refused, Err(HashError::QueueFull));
    let mut known = Box::pin(hasher.run(known(), soon(), |_| ()));
    enqueue(known.as_mut()).await;
    drop(release);
    assert_eq!(known.await, Ok(()));
    assert_eq!(unknown.await, Ok(()));
}
