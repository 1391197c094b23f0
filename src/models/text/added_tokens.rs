//! Tokens that were added to a tokenizer after its vocabulary was made, as textual inversion does.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tokenizers::AddedToken;

use crate::models::error::DiffusionError;
use crate::models::json::read_json_if_there;

/// How a token is found in a text.
#[derive(Debug, Clone, Deserialize)]
struct Flags {
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    /// Whether it is looked for in the text as it is normalised: in small letters. Absent: unless it is special.
    #[serde(default)]
    normalized: Option<bool>,
    #[serde(default)]
    special: bool,
}

/// Those tokens, by id.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct AddedTokens {
    by_id: BTreeMap<u32, Flags>,
}

impl AddedTokens {
    /// With those of `added_tokens.json` in `folder`, which tells ids and no more.
    pub(super) fn with_list(mut self, folder: &Path) -> Result<Self, DiffusionError> {
        let path = folder.join("added_tokens.json");
        let list: Option<BTreeMap<String, u32>> =
            read_json_if_there(&path, "the tokens that were added")?;
        for (content, id) in list.into_iter().flatten() {
            match self.id(&content) {
                Some(known) if known == id => {}
                Some(known) => {
                    let reason = format!(
                        "{content:?} is {known} in tokenizer_config.json and {id} in added_tokens.json"
                    );
                    return Err(DiffusionError::tokenizer(folder, reason));
                }
                None => {
                    let plain = Flags {
                        content: content.clone(),
                        single_word: false,
                        lstrip: false,
                        rstrip: false,
                        normalized: None,
                        special: false,
                    };
                    if let Some(other) = self.by_id.insert(id, plain) {
                        let other = other.content;
                        let reason = format!("{content:?} and {other:?} both have the id {id}");
                        return Err(DiffusionError::tokenizer(folder, reason));
                    }
                }
            }
        }
        Ok(self)
    }

    /// The id of `token`, if it was added.
    pub(super) fn id(&self, token: &str) -> Option<u32> {
        self.ids().find(|(content, _)| *content == token).map(|(_, id)| id)
    }

    /// Each token and its id.
    pub(super) fn ids(&self) -> impl Iterator<Item = (&str, u32)> {
        self.by_id.iter().map(|(id, flags)| (flags.content.as_str(), *id))
    }
}

/// Has `tokenizer` know its special tokens and those that were added.
pub(super) fn add(
    tokenizer: &mut tokenizers::Tokenizer,
    folder: &Path,
    special: &[&str],
    added: &AddedTokens,
) -> Result<(), DiffusionError> {
    // A whole tokenizer.json has its own already, with their flags.
    let known = tokenizer.get_added_vocabulary().get_vocab().clone();
    let (mut specials, mut others) = (Vec::new(), Vec::new());
    for (&id, flags) in &added.by_id {
        if known.get(&flags.content) == Some(&id) {
            continue;
        }
        let is_special = flags.special || special.contains(&flags.content.as_str());
        let token = AddedToken::from(flags.content.clone(), is_special)
            .single_word(flags.single_word)
            .lstrip(flags.lstrip)
            .rstrip(flags.rstrip)
            .normalized(flags.normalized.unwrap_or(!is_special));
        if is_special { specials.push(token) } else { others.push(token) }
    }
    let listed = |token: &str| added.id(token).is_some() || known.contains_key(token);
    let unlisted = special.iter().filter(|token| !listed(token));
    specials.extend(unlisted.map(|token| AddedToken::from(*token, true)));
    tokenizer.add_special_tokens(&specials);
    tokenizer.add_tokens(&others);
    for (content, id) in added.ids() {
        if tokenizer.token_to_id(content) != Some(id) {
            let found = tokenizer.token_to_id(content);
            let reason = format!(
                "the added token {content:?} has the id {id}, and {} in its vocabulary",
                found.map_or("none".to_owned(), |id| id.to_string())
            );
            return Err(DiffusionError::tokenizer(folder, reason));
        }
    }
    Ok(())
}
