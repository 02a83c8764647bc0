//! TLS and SASL: from Java's stores and login modules to what librdkafka takes.

use std::path::Path;

use kelp_keystore::{Passwords, StoreError, authorities, client};
use kelp_parser::spec::Password;
use rdkafka::ClientConfig;

use super::client_config::refuse;
use super::options::KafkaInputOptions;
use crate::source::InputError;

/// Sets everything about security. As in Logstash, options that the protocol does not need are not looked at.
pub(super) fn set(
    options: &KafkaInputOptions,
    config: &mut ClientConfig,
) -> Result<(), InputError> {
    config.set("security.protocol", options.security_protocol.name());
    if options.security_protocol.has_tls() {
        tls(options, config)?;
    }
    if options.security_protocol.has_sasl() {
        sasl(options, config)?;
    }
    Ok(())
}

fn tls(options: &KafkaInputOptions, config: &mut ClientConfig) -> Result<(), InputError> {
    let identification = match options.ssl_endpoint_identification_algorithm.as_str() {
        "" => "none",
        other => other,
    };
    config.set("ssl.endpoint.identification.algorithm", identification);
    match &options.ssl_truststore_location {
        // Looks at the places where systems keep their certificates.
        None => config.set("ssl.ca.location", "probe"),
        Some(path) => {
            let password = options.ssl_truststore_password.as_ref();
            let authorities = authorities(Path::new(path), password.map(Password::reveal));
            match authorities.map_err(|error| unusable("ssl_truststore_location", &error))? {
                Some(authorities) => config.set("ssl.ca.pem", authorities),
                None => config.set("ssl.ca.location", path),
            }
        }
    };
    let Some(path) = &options.ssl_keystore_location else {
        return Ok(());
    };
    let passwords = Passwords {
        store: options.ssl_keystore_password.as_ref().map(Password::reveal),
        key: options.ssl_key_password.as_ref().map(Password::reveal),
    };
    let client = client(Path::new(path), passwords);
    match client.map_err(|error| unusable("ssl_keystore_location", &error))? {
        Some(client) => {
            config
                .set("ssl.certificate.pem", client.certificates)
                .set("ssl.key.pem", client.key);
        }
        None => {
            config
                .set("ssl.certificate.location", path)
                .set("ssl.key.location", path);
            if let Some(password) = passwords.key.or(passwords.store) {
                config.set("ssl.key.password", password);
            }
        }
    }
    Ok(())
}

fn unusable(option: &'static str, error: &StoreError) -> InputError {
    InputError::Option {
        option,
        message: error.to_string(),
    }
}

fn sasl(options: &KafkaInputOptions, config: &mut ClientConfig) -> Result<(), InputError> {
    let supported = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512";
    match options.sasl_mechanism.as_deref() {
        Some(mechanism @ ("PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512")) => {
            config.set("sasl.mechanism", mechanism)
        }
        Some(other) => {
            return refuse(
                "sasl_mechanism",
                format!("`{other}` is not supported; these are: {supported}"),
            );
        }
        None => {
            return refuse(
                "sasl_mechanism",
                format!("its default, GSSAPI (Kerberos), is not supported; these are: {supported}"),
            );
        }
    };
    let Some(jaas) = &options.sasl_jaas_config else {
        return refuse(
            "sasl_jaas_config",
            "user and password are needed: org.apache.kafka.common.security.scram.ScramLoginModule required username=\"...\" password=\"...\";",
        );
    };
    let (username, password) = parse_jaas(jaas.reveal()).map_err(|message| InputError::Option {
        option: "sasl_jaas_config",
        message,
    })?;
    config
        .set("sasl.username", username)
        .set("sasl.password", password);
    Ok(())
}

/// User and password of a login module's line, which is made of words, `=` and quoted strings.
fn parse_jaas(line: &str) -> Result<(String, String), String> {
    let mut words = jaas_words(line)?.into_iter();
    let module = words.next().unwrap_or_default();
    match module.rsplit('.').next() {
        Some("PlainLoginModule" | "ScramLoginModule") => {}
        _ => {
            return Err(format!(
                "`{module}` is not supported: use the PlainLoginModule or the ScramLoginModule"
            ));
        }
    }
    let (mut username, mut password) = (None, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "username" => username = words.next(),
            "password" => password = words.next(),
            _ => {}
        }
    }
    let missing = |name| format!("`{name}=\"...\"` is missing");
    Ok((
        username.ok_or_else(|| missing("username"))?,
        password.ok_or_else(|| missing("password"))?,
    ))
}

/// Words and quoted strings in order, without `=` and `;`.
fn jaas_words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(&next) = chars.peek() {
        match next {
            '"' | '\'' => {
                chars.next();
                let mut word = String::new();
                loop {
                    match chars.next() {
                        Some(end) if end == next => break,
                        Some('\\') => word.extend(chars.next()),
                        Some(other) => word.push(other),
                        None => return Err("a quoted string is not closed".to_owned()),
                    }
                }
                words.push(word);
            }
            '=' | ';' => {
                chars.next();
            }
            space if space.is_whitespace() => {
                chars.next();
            }
            _ => {
                let mut word = String::new();
                while let Some(part) =
                    chars.next_if(|part| !part.is_whitespace() && !"=;\"'".contains(*part))
                {
                    word.push(part);
                }
                words.push(word);
            }
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::super::client_config::client_config;
    use super::super::options::tests::options;
    use super::*;

    const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required\n  username=\"ann\" password='p\"w=;\\\\1' ;";

    #[test]
    fn login_modules_give_user_and_password() {
        let settings = [
            ("security_protocol", "SASL_SSL"),
            ("sasl_mechanism", "SCRAM-SHA-512"),
            ("sasl_jaas_config", SCRAM),
        ];
        let config = client_config(&options(&settings), 0).unwrap();
        config.create_native_config().unwrap();
        assert_eq!(config.get("security.protocol"), Some("sasl_ssl"));
        assert_eq!(config.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
        assert_eq!(
            (config.get("sasl.username"), config.get("sasl.password")),
            (Some("ann"), Some("p\"w=;\\1"))
        );
    }

    #[test]
    fn what_is_missing_or_not_supported_is_said() {
        let refused = |settings: &[(&str, &str)]| match client_config(&options(settings), 0) {
            Err(InputError::Option { option, .. }) => option,
            other => panic!("{other:?}"),
        };
        let sasl = ("security_protocol", "SASL_PLAINTEXT");
        assert_eq!(refused(&[sasl]), "sasl_mechanism", "GSSAPI is the default");
        assert_eq!(
            refused(&[sasl, ("sasl_mechanism", "PLAIN")]),
            "sasl_jaas_config"
        );
        for jaas in [
            "com.sun.security.auth.module.Krb5LoginModule required;",
            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"a\";",
            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"a",
        ] {
            assert_eq!(
                refused(&[
                    sasl,
                    ("sasl_mechanism", "PLAIN"),
                    ("sasl_jaas_config", jaas)
                ]),
                "sasl_jaas_config"
            );
        }
        // Without SASL nobody looks at its options, as in Logstash.
        client_config(&options(&[("sasl_mechanism", "GSSAPI")]), 0).unwrap();
    }

    /// One of the stores that the tests of kelp-keystore have.
    fn store(name: &str) -> String {
        format!(
            "{}/../keystore/tests/stores/{name}",
            env!("CARGO_MANIFEST_DIR")
        )
    }

    fn with_tls(settings: &[(&str, &str)]) -> Result<ClientConfig, InputError> {
        let all = [&[("security_protocol", "SSL")], settings].concat();
        client_config(&options(&all), 0)
    }

    #[test]
    fn stores_are_known_by_their_contents() {
        let pem = store("kelp.pem");
        let config = with_tls(&[("ssl_truststore_location", &pem)]).unwrap();
        assert_eq!(config.get("ssl.ca.location"), Some(pem.as_str()));
        let certificate = std::fs::read_to_string(&pem).unwrap();
        for name in ["trust.jks", "trust.p12"] {
            let config = with_tls(&[
                ("ssl_truststore_location", &store(name)),
                ("ssl_truststore_password", "storepass"),
                // The file decides: Java takes either for the other, too.
                ("ssl_truststore_type", "jks"),
            ])
            .unwrap();
            assert_eq!(config.get("ssl.ca.pem"), Some(certificate.as_str()));
            assert_eq!(config.get("ssl.ca.location"), None);
            config.create_native_config().unwrap();
        }
        let config = with_tls(&[]).unwrap();
        assert_eq!(config.get("ssl.ca.location"), Some("probe"));
    }

    #[test]
    fn a_key_store_identifies_us() {
        for (name, key_password) in [("identity.jks", "keypass99"), ("identity.p12", "storepass")] {
            let config = with_tls(&[
                ("ssl_keystore_location", &store(name)),
                ("ssl_keystore_password", "storepass"),
                ("ssl_key_password", key_password),
            ])
            .unwrap();
            let certificate = std::fs::read_to_string(store("kelp.pem")).unwrap();
            assert_eq!(
                config.get("ssl.certificate.pem"),
                Some(certificate.as_str())
            );
            let key = config.get("ssl.key.pem").unwrap();
            assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
            config.create_native_config().unwrap();
        }
    }

    #[test]
    fn a_store_that_cannot_be_used_is_told_with_its_option() {
        let jks = store("identity.jks");
        for (settings, text) in [
            (
                vec![("ssl_truststore_location", "/nowhere/ca.pem")],
                "/nowhere/ca.pem",
            ),
            (
                vec![
                    ("ssl_keystore_location", jks.as_str()),
                    ("ssl_keystore_password", "another"),
                ],
                "password is wrong",
            ),
        ] {
            let error = with_tls(&settings).unwrap_err();
            assert!(matches!(error, InputError::Option { option, .. } if option == settings[0].0));
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
