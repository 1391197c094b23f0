//! Globs and folders in object stores.

use futures::TryStreamExt;
use object_store::path::Path;

use super::{fetch, refused};
use crate::hub::{HubAddress, HubError, is_hub, list_files};
use crate::objects::without_secrets;
use crate::objects::{Network, Object, RemoteError, split};
use crate::shards::error::ShardError;
use crate::shards::retry::Retry;
use crate::shards::shard_name::{
    is_shard_name, may_be_shard, passed_over_warning, without_companions,
};
use crate::shards::splits::{patterns_of, splits_warning};

/// URLs of the shards that a glob, or a folder with its closing `/`, stands for; sorted. What else it found goes into
/// `warnings`.
///
/// # Errors
/// If the store can't be asked, or has none.
pub(in crate::shards) fn list(
    pattern: &str,
    retry: Retry,
    warnings: &mut Vec<String>,
) -> Result<Vec<String>, ShardError> {
    let bad = |problem: &str| ShardError::BadPattern {
        pattern: without_secrets(pattern),
        problem: problem.to_owned(),
    };
    let (bucket, keys) = bucket_and_keys(pattern).map_err(|problem| bad(&problem))?;
    let (bucket, keys) = (bucket.as_str(), keys.as_str());
    if bucket.contains(['*', '?', '[']) {
        return Err(bad("a bucket's name is no glob"));
    }
    let keys = if keys.is_empty() || keys.ends_with('/') {
        format!("{}*", glob::Pattern::escape(keys))
    } else {
        keys.to_owned()
    };
    let glob = glob::Pattern::new(&keys).map_err(|error| bad(error.msg))?;
    let found = all_keys(bucket, &keys, retry).map_err(|error| refused(pattern, &error))?;
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let found = found.into_iter().filter(|key| glob.matches_with(key, options));
    let (shards, others): (Vec<String>, Vec<String>) = found.partition(|key| is_shard_name(key));
    let (read, warning) = without_companions(pattern, &shards);
    warnings.extend(warning);
    let shards = shards.iter().zip(read).filter(|(_, read)| *read).map(|(key, _)| key);
    let mut urls: Vec<String> = shards.map(|key| format!("{bucket}/{key}")).collect();
    urls.sort();
    let mut others: Vec<String> = others.into_iter().filter(|key| may_be_shard(key)).collect();
    others.sort();
    if urls.is_empty() {
        return Err(nothing(pattern, bucket, &keys, retry)?);
    }
    warnings.extend(passed_over_warning(pattern, &others));
    warnings.extend(splits_warning(pattern, &urls));
    Ok(urls)
}

/// The error of a pattern that finds no shard; of a whole repository with what its folders have.
fn nothing(
    pattern: &str,
    bucket: &str,
    keys: &str,
    retry: Retry,
) -> Result<ShardError, ShardError> {
    let none = ShardError::NoMatch { pattern: without_secrets(pattern) };
    if !is_hub(bucket) || keys != "*" {
        return Ok(none);
    }
    let mut all = all_keys(bucket, "**", retry).map_err(|error| refused(pattern, &error))?;
    all.retain(|path| is_shard_name(path));
    all.sort();
    let found = patterns_of(bucket, &all);
    Ok(match found.is_empty() {
        true => none,
        false => ShardError::InFolders { repository: bucket.to_owned(), found },
    })
}

/// The place that is listed, and the glob of names in it: a bucket with its keys, a repository of the hub with its paths.
fn bucket_and_keys(pattern: &str) -> Result<(String, String), String> {
    if is_hub(pattern) {
        let address = HubAddress::parse(pattern).map_err(|error| error.to_string())?;
        let end = if pattern.ends_with('/') && !address.path.is_empty() { "/" } else { "" };
        return Ok((address.at("").to_string(), format!("{}{end}", address.path)));
    }
    let (bucket, keys) = split(pattern).ok_or("it names no bucket")?;
    Ok((bucket.to_owned(), keys.to_owned()))
}

/// The keys below the glob's fixed folder: all of them, or, where the glob stays in that folder,
/// those right in it.
fn all_keys(bucket: &str, glob: &str, retry: Retry) -> Result<Vec<String>, RemoteError> {
    let network = Network::get()?;
    let fixed = glob.find(['*', '?', '[']).unwrap_or(glob.len());
    let folder = glob.get(..fixed).and_then(|g| g.rfind('/')).map_or(0, |slash| slash + 1);
    let (folder, rest) = glob.split_at(folder);
    let deep = rest.contains('/') || rest.contains("**");
    if is_hub(bucket) {
        let wrong = |error: HubError| RemoteError::permanent(error.kind, error.message);
        let repository = HubAddress::parse(bucket).map_err(wrong)?;
        return list_files(&repository.at(folder.trim_end_matches('/')), deep);
    }
    let prefix = Path::parse(folder.trim_end_matches('/')).map_err(|error| {
        RemoteError::permanent(std::io::ErrorKind::InvalidInput, error.to_string())
    })?;
    let object = Object { path: prefix, ..network.object(bucket)? };
    network.wait(async move {
        let mut failures = 0;
        loop {
            let error = match try_keys(&object, deep).await {
                Ok(keys) => return Ok(keys),
                Err(error) => RemoteError::of_store(&error, &object),
            };
            failures += 1;
            fetch::pause(&retry, failures, error).await?;
        }
    })?
}

async fn try_keys(object: &Object, deep: bool) -> object_store::Result<Vec<String>> {
    let prefix = Some(&object.path).filter(|path| !path.as_ref().is_empty());
    let listed = if deep {
        object.store.list(prefix).try_collect().await?
    } else {
        object.store.list_with_delimiter(prefix).await?.objects
    };
    Ok(listed.into_iter().map(|meta| meta.location.to_string()).collect())
}
