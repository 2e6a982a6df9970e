//! How inputs are made: of pieces, of any characters, or by changing what is valid.

use proptest::{collection::vec, prelude::*, sample::Index, sample::select};

/// One change of a valid input.
#[derive(Debug, Clone)]
enum Edit {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    /// Repeats the bytes up to here.
    Repeat(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        2 => at().prop_map(Edit::Remove),
        1 => at().prop_map(Edit::Cut),
        1 => at().prop_map(Edit::Repeat),
    ]
}

/// These bytes after up to five changes.
pub(super) fn changed(valid: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    vec(edit(), 0..5).prop_map(move |edits| {
        let mut bytes = valid.clone();
        for edit in edits {
            let place = |at: Index| at.index(bytes.len().max(1)).min(bytes.len());
            match edit {
                Edit::Replace(at, byte) => {
                    let place = place(at);
                    if let Some(old) = bytes.get_mut(place) {
                        *old = byte;
                    }
                }
                Edit::Insert(at, byte) => bytes.insert(place(at), byte),
                Edit::Remove(at) if !bytes.is_empty() => {
                    let _removed = bytes.remove(place(at).min(bytes.len() - 1));
                }
                Edit::Remove(_) => {}
                Edit::Cut(at) => bytes.truncate(place(at)),
                Edit::Repeat(at) => bytes.extend_from_within(..place(at)),
            }
        }
        bytes
    })
}

/// This text after up to five changes, as text.
pub(super) fn changed_text(valid: &str) -> impl Strategy<Value = String> + use<> {
    changed(valid.as_bytes().to_vec())
        .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Up to `most` of these pieces, with a few other characters between them.
pub(super) fn pieces(
    pieces: &'static [&'static str],
    most: usize,
) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => select(pieces).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "\\PC{0,5}",
    ];
    vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}
