use super::*;

/// The blocks of `suggest.txt`: lines, and behind `=>` the patterns that are proposed for them.
#[test]
fn proposals_are_as_in_the_cases() {
    let cases = include_str!("../../../tests/grok/suggest.txt");
    let libraries = [PatternSet::EcsV1, PatternSet::Legacy].map(|set| (Library::new(set), set));
    let [mut ecs, mut legacy] = libraries
        .each_ref()
        .map(|(library, set)| Suggester::new(library, *set).unwrap());
    let mut wrong = String::new();
    for case in cases.split("\n\n").filter(|case| !case.starts_with('#')) {
        let (suggester, case) = match case.strip_prefix("(legacy)\n") {
            Some(case) => (&mut legacy, case),
            None => (&mut ecs, case),
        };
        let is_pattern = |line: &&str| line.starts_with("=> ");
        let lines: Vec<&str> = case.lines().filter(|line| !is_pattern(line)).collect();
        let wanted: Vec<&str> = case.lines().filter(is_pattern).collect();
        let found = suggester.suggest(&lines);
        let covered: usize = found.iter().map(|suggestion| suggestion.lines.len()).sum();
        assert_eq!(covered, lines.len(), "{case}");
        let patterns = found
            .iter()
            .map(|suggestion| format!("=> {}", suggestion.pattern));
        let patterns: Vec<String> = patterns.collect();
        if patterns != wanted {
            wrong += &format!("{}\n{}\n\n", lines.join("\n"), patterns.join("\n"));
        }
    }
    assert!(wrong.is_empty(), "found:\n{wrong}");
}

#[test]
fn any_lines_are_covered() {
    let mut generator = crate::regex::test_cases::Generator(7);
    let library = Library::new(PatternSet::EcsV1);
    let texts: Vec<String> = (0..300).map(|_| generator.text()).collect();
    let lines: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut suggester = Suggester::new(&library, PatternSet::EcsV1).unwrap();
    let found = suggester.suggest(&lines);
    let covered: usize = found.iter().map(|suggestion| suggestion.lines.len()).sum();
    let blank = lines.iter().filter(|line| line.trim().is_empty()).count();
    assert_eq!(covered + blank, lines.len());
}
