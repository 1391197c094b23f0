//! NVIDIA's cards as the system shows them, without asking its libraries.

use std::path::Path;

/// Names of the cards that the kernel driver lists; empty where it shows no names, as in many containers.
pub(crate) fn card_names() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir("/proc/driver/nvidia/gpus") else { return Vec::new() };
    let mut found: Vec<String> = entries
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("information")).ok())
        .filter_map(|text| Some(text.lines().next()?.split_once(':')?.1.trim().to_owned()))
        .collect();
    found.sort();
    found
}

/// Whether any sign of a card is there: its driver's list, a device file, or WSL's.
pub(crate) fn any_card() -> bool {
    !card_names().is_empty()
        || device_files(Path::new("/dev")) > 0
        || Path::new("/dev/dxg").exists()
}

/// Cards that this process can have at most; `None` where nothing tells, as under WSL.
pub(super) fn most_cards() -> Option<u32> {
    let files = device_files(Path::new("/dev"));
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok().map(|list| visible(&list));
    match (files, visible) {
        (0, visible) => visible,
        (files, None) => Some(files),
        (files, Some(visible)) => Some(files.min(visible)),
    }
}

/// Device files `nvidia0`, `nvidia1`, … in `folder`.
fn device_files(folder: &Path) -> u32 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let numbers = names.filter_map(|name| name.strip_prefix("nvidia")?.parse::<u32>().ok());
    u32::try_from(numbers.count()).unwrap_or(u32::MAX)
}

/// Entries of a list as `CUDA_VISIBLE_DEVICES` has it, up to the first that is no card.
fn visible(list: &str) -> u32 {
    let entries = list.split(',').map(str::trim);
    let cards = entries.take_while(|entry| !entry.is_empty() && !entry.starts_with('-'));
    u32::try_from(cards.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_counted_by_their_device_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(device_files(folder.path()), 2);
        assert_eq!(device_files(&folder.path().join("none")), 0);
    }

    #[test]
    fn a_list_of_visible_cards_ends_at_the_first_that_is_none() {
        assert_eq!(
            [visible(""), visible("-1"), visible("3"), visible("0,1, GPU-8f"), visible("0,-1,2")],
            [0, 0, 1, 3, 1]
        );
    }
}
