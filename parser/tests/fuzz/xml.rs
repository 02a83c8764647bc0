//! XML: tags, entities and paths of anything, read strictly and as far as it goes.

use super::*;

const PIECES: &[&str] = &[
    "<a>",
    "</a>",
    "<b x=\"1\">",
    "</b>",
    "<a/>",
    "<n:c xmlns:n=\"u\">",
    "</n:c>",
    "<a xmlns=\"d\" y='2' y='3'>",
    "<",
    ">",
    "/",
    "/>",
    "=",
    "\"",
    "'",
    "&",
    "&amp;",
    "&lt;",
    "&#65;",
    "&#x0;",
    "&#xD800;",
    "&#99999999999;",
    "&nbsp;",
    "&e;",
    "<!--",
    "-->",
    "--",
    "<![CDATA[",
    "]]>",
    "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
    "<?p q?>",
    "<!DOCTYPE a [<!ENTITY e \"&e;x\">]>",
    "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">",
    "]",
    " ",
    "\n",
    "t",
    "é",
    "\0",
    "\u{1}",
    "x=\"<\"",
];

#[test]
fn xml() {
    let options = [
        "target => \"d\"",
        "target => \"d\" force_array => false force_content => true",
        "target => \"d\" suppress_empty => false xpath => { \"//a\" => \"e\" \"count(//@*)\" => \"n\" }",
        "target => \"d\" remove_namespaces => true xpath => { \"//c/text()\" => \"e\" }",
        "store_xml => false namespaces => { \"n\" => \"u\" } xpath => { \"//n:c[last()]/..\" => \"e\" }",
        "store_xml => false xpath => { \"//a[preceding-sibling::b or ancestor::a]/@y\" => \"e\" \"string(/)\" => \"s\" }",
    ];
    let pipelines: Vec<_> = options
        .iter()
        .filter_map(|options| filter("xml", &format!("source => \"message\" {options}")))
        .collect();
    assert_eq!(pipelines.len(), options.len());
    texts(14, PIECES, |text, random| {
        run(&pipelines[random.below(pipelines.len())], text)
    });
}

/// What is read strictly, without a failure, is read the same where mistakes are passed over.
#[test]
fn well_formed_xml_needs_no_mending() {
    const PATHS: &str = "source => \"message\" store_xml => false xpath => { \"//text()\" => \"t\" \"//@*\" => \"a\" \"name(/*)\" => \"n\" \"count(//*)\" => \"c\" }";
    let lenient = filter("xml", PATHS).unwrap();
    let strict = filter("xml", &format!("{PATHS} parse_options => \"strict\"")).unwrap();
    let mut well_formed = 0;
    texts(15, PIECES, |text, random| {
        // A text of pieces alone is hardly ever whole.
        let text = match random.below(3) {
            0 => text.to_owned(),
            1 => format!("<a>{text}</a>"),
            _ => format!("<b k=\"v\"><a/>{}</b>", text.replace(['<', '&'], "-")),
        };
        let read = fields(&strict, &text);
        if !read.contains("_xmlparsefailure") {
            well_formed += 1;
            assert_eq!(fields(&lenient, &text), read, "{text:?}");
        }
    });
    assert!(well_formed > rounds() / 10, "only {well_formed}");
}

/// The event that comes of a message, as JSON.
fn fields(pipeline: &Pipeline, message: &str) -> String {
    let arena = Arena::new();
    let mut event = Event::new(&arena, now());
    event.fields_mut().push("message", Value::Str(message));
    let mut written = Vec::new();
    let mut worker = WorkerState::default();
    pipeline.run(event, now(), &mut worker, &mut |event, _| {
        write_json(&mut written, &event);
    });
    String::from_utf8_lossy(&written).into_owned()
}
