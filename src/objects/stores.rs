//! Clients of object stores, as the environment sets them.

use super::answers::Connector;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::multipart::MultipartStore;
use object_store::{ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// A store that takes large objects in pieces.
pub(crate) trait Store: ObjectStore + MultipartStore {}

impl<T: ObjectStore + MultipartStore> Store for T {}

/// The client of `s3://BUCKET`, `gs://BUCKET` or `az://CONTAINER`.
///
/// # Errors
/// If the environment's settings can't be used.
pub(super) fn build(bucket: &str) -> object_store::Result<Arc<dyn Store>> {
    let (scheme, name) = bucket.split_once("://").unwrap_or((bucket, ""));
    Ok(match scheme {
        "gs" => {
            use GoogleConfigKey::Client;
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(name);
            let builder = unhurried(
                builder.with_retry(no_retries()).with_http_connector(Connector),
                |builder, key| builder.get_config_value(&Client(key)),
                |builder, key, limit| builder.with_config(Client(key), limit),
            );
            Arc::new(builder.build()?)
        }
        "az" => {
            use AzureConfigKey::Client;
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(name);
            let builder = unhurried(
                builder.with_retry(no_retries()).with_http_connector(Connector),
                |builder, key| builder.get_config_value(&Client(key)),
                |builder, key, limit| builder.with_config(Client(key), limit),
            );
            Arc::new(builder.build()?)
        }
        _ => {
            use AmazonS3ConfigKey::Client;
            let builder = AmazonS3Builder::from_env().with_bucket_name(name);
            let builder = unhurried(
                builder.with_retry(no_retries()).with_http_connector(Connector),
                |builder, key| builder.get_config_value(&Client(key)),
                |builder, key, limit| builder.with_config(Client(key), limit),
            );
            Arc::new(builder.build()?)
        }
    })
}

/// Limits of a request's time that are ours where the environment sets none: the library allows half a minute with the
/// body, in which no large object passes a slow line. What counts is that bytes come; a piece that is sent must have its
/// answer within the second limit.
fn unhurried<B>(
    builder: B,
    get: impl Fn(&B, ClientConfigKey) -> Option<String>,
    set: impl Fn(B, ClientConfigKey, &'static str) -> B,
) -> B {
    let usual = ClientOptions::default();
    let ours = [(ClientConfigKey::Timeout, "1day"), (ClientConfigKey::ReadTimeout, "60s")];
    ours.into_iter().fold(builder, |builder, (key, limit)| {
        match get(&builder, key) == usual.get_config_value(&key) {
            true => set(builder, key, limit),
            false => builder,
        }
    })
}

/// Retries are ours: they go on where a read broke, and count what was gained.
pub(super) fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, retry_timeout: Duration::ZERO, ..RetryConfig::default() }
}
