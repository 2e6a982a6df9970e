//! Who waits, who is turned away and whose work is not done.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc,
};

use super::*;

/// Holds the only thread of `hasher` until the sender that it returns is dropped.
async fn occupy(hasher: &Hasher) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = oneshot::channel();
    let hasher = hasher.clone();
    tokio::spawn(async move {
        hasher
            .run(soon(), move |_| {
                started.send(()).unwrap();
                let _released = released.recv();
            })
            .await
    });
    has_started.await.unwrap();
    release
}

/// Lets `call` enter the queue, and shows that it waits there.
async fn enqueue<T: std::fmt::Debug>(call: std::pin::Pin<&mut impl Future<Output = T>>) {
    tokio::select! {
        biased;
        early = call => panic!("the only thread is held, but there is an answer: {early:?}"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn a_full_queue_is_an_answer_at_once() {
    let hasher = Hasher::start(CHEAP).unwrap();
    let release = occupy(&hasher).await;
    let chosen = password("correct horse");
    let mut waiting = Box::pin(hasher.hash(&chosen, soon()));
    enqueue(waiting.as_mut()).await;
    let refused = hasher.hash(&chosen, soon()).await;
    assert_eq!(refused, Err(HashError::QueueFull));
    let presented = PresentedPassword::new("correct horse");
    let refused = hasher.verify(presented, None, soon()).await;
    assert_eq!(refused, Err(HashError::QueueFull));
    drop(release);
    assert!(waiting.await.is_ok(), "who was in the queue has its turn");
}

#[tokio::test]
async fn a_caller_does_not_wait_past_its_deadline_and_its_work_is_skipped() {
    let hasher = Hasher::start(CHEAP).unwrap();
    let release = occupy(&hasher).await;
    let worked = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&worked);
    let late = hasher.run(Instant::now(), move |_| mark.store(true, Ordering::SeqCst));
    assert_eq!(late.await, Err(HashError::DeadlineExceeded));
    drop(release);
    // The queue is in order, so once this is done the other's turn is over.
    while hasher.run(soon(), |_| ()).await == Err(HashError::QueueFull) {
        tokio::task::yield_now().await;
    }
    assert!(!worked.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_caller_that_has_gone_is_skipped() {
    let hasher = Hasher::start(CHEAP).unwrap();
    let release = occupy(&hasher).await;
    let worked = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&worked);
    let mut gone = Box::pin(hasher.run(soon(), move |_| mark.store(true, Ordering::SeqCst)));
    enqueue(gone.as_mut()).await;
    drop(gone);
    drop(release);
    while hasher.run(soon(), |_| ()).await == Err(HashError::QueueFull) {
        tokio::task::yield_now().await;
    }
    assert!(!worked.load(Ordering::SeqCst));
}

#[test]
fn a_job_taken_after_its_deadline_is_answered_unhashed() {
    let like = Stored::new(&CHEAP, &[0; 48]).unwrap();
    let worked = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&worked);
    let (answer, mut answered) = oneshot::channel();
    let late = job(Instant::now(), answer, move |_| {
        mark.store(true, Ordering::SeqCst);
    });
    late(&mut Arena::new(&like));
    assert_eq!(answered.try_recv(), Ok(Err(HashError::DeadlineExceeded)));
    assert!(!worked.load(Ordering::SeqCst));
}
