//! An object on a server, and what may be said of it.

use super::urls::{without_secrets, without_secrets_in};
use object_store::ObjectStore;
use object_store::path::Path;
use std::sync::Arc;

/// An object on a server.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub store: Arc<dyn ObjectStore>,
    pub path: Path,
    /// As the user wrote it, less a login: not for messages, for its query may be a secret too.
    pub url: String,
    /// Whether a login is sent along.
    pub login: bool,
}

impl Object {
    /// `text` without the secrets that the object's URL may hold.
    pub fn tidy(&self, text: &str) -> String {
        // Also of other URLs, where the server sent us on to.
        without_secrets_in(&text.replace(&self.url, &without_secrets(&self.url)))
    }

    /// Where credentials for it come from, for messages.
    pub fn credentials(&self) -> String {
        let text = match self.url.split_once("://").map_or("", |(scheme, _)| scheme) {
            "s3" => {
                "credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION \
                 (AWS_SKIP_SIGNATURE=true for public data)"
            }
            "gs" => {
                "credentials come from GOOGLE_APPLICATION_CREDENTIALS \
                 (GOOGLE_SKIP_SIGNATURE=true for public data)"
            }
            "az" => {
                "credentials come from AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY \
                 (AZURE_SKIP_SIGNATURE=true for public data)"
            }
            _ if self.login => {
                "look at the user and the password in the URL (`%40` stands for `@`, `%3A` for `:`)"
            }
            "hf" => "credentials come from HF_TOKEN",
            _ => {
                let host = self.url.split('/').nth(2).unwrap_or_default();
                if host.ends_with("huggingface.co") {
                    return "name the file by its address on the hub, which sends the token of HF_TOKEN: \
                            hf://datasets/OWNER/NAME/FILE"
                        .to_owned();
                }
                "give user and password in the URL (https://USER:PASSWORD@…) or a signed URL, or send a token with \
                 `pipe:curl -sfL -H \"Authorization: Bearer $TOKEN\" 'URL'`, the token in the environment"
            }
        };
        text.to_owned()
    }
}
