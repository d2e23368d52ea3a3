//! Records and keys for the suite: the same each time.

use rand_core::{CryptoRng, RngCore};
use switchback_model::{
    Action, Actor, ChangeId, Conclusion, Digest, EnvironmentName, Event, EventId, Record, Shape,
    SurfaceOperation, Timestamp,
};

use crate::keys::{SigningKey, VerifierKey, generate};

/// A record that is told from others by `number`; one in three is an intent.
pub fn record(number: u64) -> Record {
    let environment = EnvironmentName::new("production").unwrap();
    let change = ChangeId::new("rename-email").unwrap();
    let action = Action::Surface {
        change,
        operation: SurfaceOperation::Drain { shape: Shape::Old },
    };
    let text = number.to_string();
    let event = match number % 3 {
        0 => Event::Intended {
            plan: Digest::of(text.as_bytes()),
            step: u32::try_from(number % 7).unwrap(),
            environment,
            action,
        },
        1 => Event::Refused {
            environment,
            action,
            reasons: vec![format!("reason {number} \"quoted\" é\u{1}")],
        },
        _ => Event::Observed {
            environment,
            action,
        },
    };
    Record {
        id: EventId::of(&[event.kind(), &text]),
        at: Timestamp::from_millis(1_767_225_600_000 + i64::try_from(number).unwrap() * 1_250),
        actor: Actor::new("Tester <tester@example.org>"),
        event,
    }
}

/// The records with the numbers from `first` up to `end`, without it.
pub fn records(first: u64, end: u64) -> Vec<Record> {
    (first..end).map(record).collect()
}

/// The intent with number `number`, concluded.
pub fn conclusion(number: u64) -> Record {
    let intended = record(number);
    let Event::Intended {
        environment,
        action,
        ..
    } = intended.event
    else {
        unreachable!("only every third record is an intent")
    };
    let conclusion = Conclusion::Done {
        recovered: false,
        took: None,
        detail: None,
    };
    Record {
        id: EventId::of(&["concluded", &number.to_string()]),
        event: Event::Concluded {
            intent: intended.id,
            environment,
            action,
            conclusion,
        },
        ..intended
    }
}

/// Numbers that only look random, so that a test does the same each time.
#[derive(Debug, Clone)]
pub struct TestRng(pub u64);

impl RngCore for TestRng {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    // SplitMix64.
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for TestRng {}

/// A pair of keys for tests.
pub fn keys(name: &str, seed: u64) -> (SigningKey, VerifierKey) {
    let (signing, verifier) = generate(&mut TestRng(seed), name).unwrap();
    (signing.parse().unwrap(), verifier.parse().unwrap())
}
