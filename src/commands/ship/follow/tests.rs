use std::convert::Infallible;
use std::io::Write;
use std::path::PathBuf;

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kelp-follow-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn append(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn follow(&self, pattern: &str, saved: Vec<Position>) -> Followed {
        self.follow_from(pattern, saved, false)
    }

    fn follow_from(&self, pattern: &str, saved: Vec<Position>, from_end: bool) -> Followed {
        self.follow_with(pattern, saved, from_end, Joining::default())
    }

    fn follow_with(
        &self,
        pattern: &str,
        saved: Vec<Position>,
        from_end: bool,
        joining: Joining,
    ) -> Followed {
        let reading = Reading {
            joining,
            max_bytes: 1_000,
            from_end,
        };
        let pattern = self.0.join(pattern).to_string_lossy().into_owned();
        Followed::new(&[pattern], reading, saved).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Looks, reads everything, and acknowledges it if asked to.
fn read(followed: &mut Followed, acknowledge: bool) -> Vec<String> {
    followed.look();
    let mut texts = Vec::new();
    let mut tickets = Vec::new();
    while followed
        .read(false, |_, event, origin| {
            texts.push(String::from_utf8(event.text).unwrap());
            tickets.push(origin.ticket);
            Ok::<_, Infallible>(())
        })
        .unwrap()
    {}
    if acknowledge {
        // In any order.
        tickets.reverse();
        for (offset, ticket) in tickets.into_iter().enumerate() {
            followed.acknowledge(ticket, (0, offset as i64));
        }
    }
    texts
}

#[test]
fn what_was_not_acknowledged_is_read_again_after_a_restart() {
    let folder = Folder::new("restart");
    folder.append("a.log", "1\n2\n");
    let mut followed = folder.follow("*.log", Vec::new());
    assert_eq!(read(&mut followed, true), ["1", "2"]);
    folder.append("a.log", "3\n4\n");
    assert_eq!(read(&mut followed, false), ["3", "4"]);
    assert_eq!(followed.on_their_way(), 2);
    let mut followed = folder.follow("*.log", followed.positions());
    folder.append("a.log", "5\n");
    assert_eq!(read(&mut followed, true), ["3", "4", "5"]);
}

#[test]
fn a_position_waits_for_the_first_that_is_missing() {
    let folder = Folder::new("order");
    folder.append("a.log", "1\n2\n3\n");
    let mut followed = folder.follow("a.log", Vec::new());
    read(&mut followed, false);
    let ticket = |event| Ticket { file: 0, event };
    followed.acknowledge(ticket(2), (1, 10));
    followed.acknowledge(ticket(1), (0, 20));
    assert_eq!(followed.positions()[0].offset, 0);
    // Both are to be looked for in the topic as long as the first is missing.
    assert_eq!(followed.ends(), [(0, 20), (1, 10)].into());
    followed.acknowledge(ticket(0), (1, 11));
    assert_eq!(followed.positions()[0].offset, 6);
    assert_eq!(followed.ends(), [(0, 21), (1, 12)].into());
    // Twice, or of a file that is gone: nothing happens.
    followed.acknowledge(ticket(0), (1, 11));
    followed.acknowledge(Ticket { file: 7, event: 0 }, (1, 5));
    assert_eq!(followed.ends(), [(0, 21), (1, 12)].into());
}

#[test]
fn what_is_found_in_the_topic_is_not_written_again() {
    let folder = Folder::new("found");
    folder.append("a.log", "1\n2\n3\n");
    let mut followed = folder.follow("a.log", Vec::new());
    assert_eq!(read(&mut followed, false), ["1", "2", "3"]);
    let saved = followed.positions();
    let mark = saved[0].mark;
    let mut followed = folder.follow("a.log", saved);
    let found = [
        ((mark, 2), (0, 5)),
        ((mark, 6), (1, 7)),
        ((mark ^ 1, 4), (0, 6)),
    ];
    followed.know([(0, 9), (1, 9)].into(), found.into());
    assert_eq!(followed.ends(), [(0, 5), (1, 7)].into());
    assert_eq!(read(&mut followed, false), ["2"]);
    assert_eq!(followed.positions()[0].offset, 2);
    // The last of them is not yet in the positions.
    assert_eq!(followed.ends(), [(0, 9), (1, 7)].into());
}

#[test]
fn a_rotated_file_is_read_to_its_end_and_the_new_one_from_its_start() {
    let folder = Folder::new("rotated");
    folder.append("a.log", "1\n");
    let mut followed = folder.follow("a.log", Vec::new());
    assert_eq!(read(&mut followed, true), ["1"]);
    folder.append("a.log", "2\n");
    fs::rename(folder.0.join("a.log"), folder.0.join("a.log.1")).unwrap();
    folder.append("a.log", "3\n");
    folder.append("a.log.1", "late\n");
    let mut texts = read(&mut followed, true);
    texts.sort();
    assert_eq!(texts, ["2", "3", "late"]);
}

#[test]
fn a_file_that_was_rotated_while_nobody_looked_is_read_to_its_end() {
    let folder = Folder::new("missed");
    folder.append("a.log", "1\n");
    let mut followed = folder.follow("a.log", Vec::new());
    assert_eq!(read(&mut followed, true), ["1"]);
    let saved = followed.positions();
    drop(followed);
    folder.append("a.log", "2\n");
    fs::rename(folder.0.join("a.log"), folder.0.join("a.log.1")).unwrap();
    folder.append("a.log", "3\n");
    let mut followed = folder.follow("a.log", saved);
    let mut texts = read(&mut followed, true);
    texts.sort();
    assert_eq!(texts, ["2", "3"]);
}

#[test]
fn another_file_that_was_given_the_inode_of_one_that_is_gone_is_left_alone() {
    let folder = Folder::new("inode");
    folder.append("a.log", "1\n");
    let mut followed = folder.follow("a.log", Vec::new());
    assert_eq!(read(&mut followed, true), ["1"]);
    let mut saved = followed.positions();
    drop(followed);
    fs::remove_file(folder.0.join("a.log")).unwrap();
    folder.append("other", "nobody wants this\n");
    saved[0].identity = identity_of(&fs::metadata(folder.0.join("other")).unwrap());
    let mut followed = folder.follow("a.log", saved);
    assert!(read(&mut followed, true).is_empty());
    assert_eq!(followed.positions(), []);
}

#[test]
fn the_position_of_a_file_that_cannot_be_read_at_the_start_is_kept() {
    let folder = Folder::new("unreadable");
    fs::create_dir(folder.0.join("logs")).unwrap();
    folder.append("logs/a.log", "1\n2\n");
    let mut followed = folder.follow("logs/*.log", Vec::new());
    assert_eq!(read(&mut followed, true), ["1", "2"]);
    let saved = followed.positions();
    drop(followed);
    fs::rename(folder.0.join("logs"), folder.0.join("away")).unwrap();
    folder.append("logs", "no folder");
    let mut followed = folder.follow("logs/*.log", saved.clone());
    // What was found in the topic of it is kept as well.
    followed.know(BTreeMap::new(), [((saved[0].mark, 6), (0, 7))].into());
    assert!(read(&mut followed, true).is_empty());
    assert_eq!(followed.positions(), saved);
    fs::remove_file(folder.0.join("logs")).unwrap();
    fs::rename(folder.0.join("away"), folder.0.join("logs")).unwrap();
    folder.append("logs/a.log", "3\n4\n");
    assert_eq!(read(&mut followed, true), ["4"]);
    assert_eq!(followed.positions().len(), 1);
}

#[test]
fn a_rotated_file_that_the_pattern_names_too_is_not_read_again() {
    let folder = Folder::new("both");
    folder.append("a.log", "1\n");
    let mut followed = folder.follow("a.log*", Vec::new());
    assert_eq!(read(&mut followed, true), ["1"]);
    fs::rename(folder.0.join("a.log"), folder.0.join("a.log.1")).unwrap();
    folder.append("a.log", "2\n");
    assert_eq!(read(&mut followed, true), ["2"]);
    let mut followed = folder.follow("a.log*", followed.positions());
    assert!(read(&mut followed, true).is_empty());
}

#[test]
fn a_truncated_file_is_read_from_its_start_however_much_was_written_since() {
    let folder = Folder::new("truncated");
    folder.append("a.log", "first line\n");
    let mut followed = folder.follow("a.log", Vec::new());
    assert_eq!(read(&mut followed, true), ["first line"]);
    fs::write(folder.0.join("a.log"), "new\n").unwrap();
    assert_eq!(read(&mut followed, true), ["new"]);
    fs::write(folder.0.join("a.log"), "another beginning\nand more\n").unwrap();
    assert_eq!(read(&mut followed, true), ["another beginning", "and more"]);
    // And while nobody looked.
    let saved = followed.positions();
    fs::write(folder.0.join("a.log"), "a third beginning, and longer\n").unwrap();
    let mut followed = folder.follow("a.log", saved);
    assert_eq!(read(&mut followed, true), ["a third beginning, and longer"]);
}

#[test]
fn old_lines_are_left_out_if_nobody_wants_them() {
    let folder = Folder::new("end");
    folder.append("a.log", "old\n");
    let mut followed = folder.follow_from("*.log", Vec::new(), true);
    assert!(read(&mut followed, true).is_empty());
    folder.append("a.log", "new\n");
    folder.append("b.log", "all of it\n");
    assert_eq!(read(&mut followed, true), ["new", "all of it"]);
}

#[test]
fn what_was_read_of_a_truncated_file_is_given_out_first() {
    let folder = Folder::new("held");
    folder.append("a.log", "begin 1\n  more of it\n");
    let joining = Joining::at("\\Abegin").unwrap();
    let mut followed = folder.follow_with("a.log", Vec::new(), false, joining);
    // It may go on, and so is held.
    assert!(read(&mut followed, true).is_empty());
    fs::write(folder.0.join("a.log"), "begin 2\nbegin 3\n").unwrap();
    let texts = read(&mut followed, true);
    assert_eq!(texts, ["begin 1\n  more of it", "begin 2"]);
    // One position: that of what is in the file now.
    let offsets = followed
        .positions()
        .iter()
        .map(|it| it.offset)
        .collect::<Vec<_>>();
    assert_eq!(offsets, [8]);

    let folder = Folder::new("partial");
    folder.append("a.log", "1\nno end");
    let mut followed = folder.follow("a.log", Vec::new());
    assert_eq!(read(&mut followed, true), ["1"]);
    assert_eq!(followed.positions()[0].offset, 2);
    fs::write(folder.0.join("a.log"), "2\n").unwrap();
    assert_eq!(read(&mut followed, true), ["no end", "2"]);
}

#[test]
fn what_was_written_to_a_truncated_file_is_not_read_in_the_middle() {
    let folder = Folder::new("regrown");
    folder.append("a.log", &"old line\n".repeat(40));
    let mut followed = folder.follow("a.log", Vec::new());
    assert_eq!(read(&mut followed, true).len(), 40);
    let new = "a new line\n".repeat(60);
    fs::write(folder.0.join("a.log"), &new).unwrap();
    // Before the next look.
    let mut texts = Vec::new();
    let read_now = followed.read(false, |_, event, _| {
        texts.push(event.text);
        Ok::<_, Infallible>(())
    });
    assert!(!read_now.unwrap() && texts.is_empty(), "{texts:?}");
    assert_eq!(read(&mut followed, true), vec!["a new line"; 60]);
}

#[test]
fn more_files_than_may_be_open_are_all_read_and_each_line_once() {
    let folder = Folder::new("many");
    let files = 25;
    let name = |number: usize| format!("{number:02}.log");
    let write = |round: usize, step: usize| {
        for number in (0..files).step_by(step) {
            folder.append(&name(number), &format!("{number} {round}\n"));
        }
    };
    let mut followed = folder.follow("*.log", Vec::new());
    followed.max_open = 4;
    let mut expected = Vec::new();
    let mut texts = Vec::new();
    for (round, step) in [(0, 1), (1, 1), (2, 3), (3, 1)] {
        write(round, step);
        expected.extend(
            (0..files)
                .step_by(step)
                .map(|number| format!("{number} {round}")),
        );
        for _ in 0..files {
            texts.extend(read(&mut followed, true));
            assert!(followed.files.len() <= 4);
        }
        if round == 1 {
            // Nothing is forgotten at a restart, open or not.
            assert_eq!(followed.positions().len(), files);
            followed = folder.follow("*.log", followed.positions());
            followed.max_open = 4;
        }
    }
    texts.sort();
    expected.sort();
    assert_eq!(texts, expected);
    // One that rests and is rotated away is read to its end; one that is deleted is forgotten.
    let rests = followed
        .resting
        .values()
        .map(|resting| resting.path.clone());
    let rests: Vec<PathBuf> = rests.take(2).collect();
    let [renamed, deleted] = &rests[..] else {
        panic!("{rests:?}")
    };
    File::options()
        .append(true)
        .open(renamed)
        .unwrap()
        .write_all(b"last\n")
        .unwrap();
    fs::rename(renamed, folder.0.join("elsewhere")).unwrap();
    fs::remove_file(deleted).unwrap();
    let texts: Vec<String> = (0..3).flat_map(|_| read(&mut followed, true)).collect();
    assert_eq!(texts, ["last"]);
    let kept = followed.positions();
    assert!(kept.iter().all(|position| position.path != *deleted));
}

#[test]
fn old_lines_are_left_out_of_files_that_cannot_be_open_either() {
    let folder = Folder::new("many-ends");
    for number in 0..6 {
        folder.append(&format!("{number}.log"), "old\n");
    }
    let mut followed = folder.follow_from("*.log", Vec::new(), true);
    followed.max_open = 2;
    for _ in 0..4 {
        assert!(read(&mut followed, true).is_empty());
    }
    folder.append("5.log", "new\n");
    let texts: Vec<String> = (0..3).flat_map(|_| read(&mut followed, true)).collect();
    assert_eq!(texts, ["new"]);
}

#[test]
fn a_file_that_has_the_inode_of_a_deleted_one_is_read_from_its_start() {
    let folder = Folder::new("reborn");
    folder.append("a.log", "old 1\nold 2\n");
    let mut followed = folder.follow("a.log", Vec::new());
    read(&mut followed, true);
    let mut saved = followed.positions();
    drop(followed);
    fs::remove_file(folder.0.join("a.log")).unwrap();
    folder.append("a.log", "new 1\nnew 2\nnew 3\n");
    // Whether or not the file system gave it the same.
    saved[0].identity = identity_of(&fs::metadata(folder.0.join("a.log")).unwrap());
    let mark = saved[0].mark;
    let mut followed = folder.follow("a.log", saved);
    assert_eq!(read(&mut followed, true), ["new 1", "new 2", "new 3"]);
    assert_ne!(followed.positions()[0].mark, mark);
}

#[test]
fn a_line_without_an_end_waits_for_it_and_is_read_once() {
    let folder = Folder::new("unended");
    folder.append("a.log", "1\r\n2");
    let mut followed = folder.follow("a.log", Vec::new());
    assert_eq!(read(&mut followed, true), ["1"]);
    let mut followed = folder.follow("a.log", followed.positions());
    assert!(read(&mut followed, true).is_empty());
    folder.append("a.log", "3\r");
    assert!(read(&mut followed, true).is_empty());
    folder.append("a.log", "\n4\n");
    assert_eq!(read(&mut followed, true), ["23", "4"]);
}
