//! TLS and SASL: from Java's stores and login modules to what librdkafka takes.

use std::fs::File;
use std::io::Read;

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
        Some(path) => match store_kind("ssl_truststore_location", path)? {
            StoreKind::Pem => config.set("ssl.ca.location", path),
            kind => {
                let command = format!(
                    "keytool -exportcert -rfc -keystore '{path}' -alias ALIAS -file ca.pem"
                );
                return refuse("ssl_truststore_location", kind.convert(&command));
            }
        },
    };
    let Some(path) = &options.ssl_keystore_location else {
        return Ok(());
    };
    match store_kind("ssl_keystore_location", path)? {
        StoreKind::Pem => {
            config
                .set("ssl.certificate.location", path)
                .set("ssl.key.location", path);
            let password = options
                .ssl_key_password
                .as_ref()
                .or(options.ssl_keystore_password.as_ref());
            if let Some(password) = password {
                config.set("ssl.key.password", password.reveal());
            }
        }
        StoreKind::Pkcs12 => {
            config.set("ssl.keystore.location", path);
            if let Some(password) = &options.ssl_keystore_password {
                config.set("ssl.keystore.password", password.reveal());
            }
        }
        StoreKind::Jks => {
            let command = format!(
                "keytool -importkeystore -srckeystore '{path}' -destkeystore client.p12 -deststoretype PKCS12"
            );
            return refuse("ssl_keystore_location", StoreKind::Jks.convert(&command));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StoreKind {
    Pem,
    Pkcs12,
    Jks,
}

impl StoreKind {
    fn convert(self, command: &str) -> String {
        let kind = match self {
            Self::Pem => "PEM",
            Self::Pkcs12 => "PKCS#12",
            Self::Jks => "JKS",
        };
        format!("a {kind} store cannot be used here; convert it: {command}")
    }
}

/// What a store is shows in its first bytes; the `_type` options are often missing or wrong, since Java
/// takes either format for the other.
fn store_kind(option: &'static str, path: &str) -> Result<StoreKind, InputError> {
    let mut head = [0; 4];
    if let Err(error) = File::open(path).and_then(|mut file| file.read_exact(&mut head)) {
        return refuse(option, format!("cannot read `{path}`: {error}"));
    }
    Ok(match head {
        [0xfe, 0xed, 0xfe, 0xed] => StoreKind::Jks,
        [0x30, ..] => StoreKind::Pkcs12,
        _ => StoreKind::Pem,
    })
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

    #[test]
    fn stores_are_known_by_their_contents() {
        let folder = std::env::temp_dir().join(format!("kelp-stores-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let pem = store("ca.jks", b"-----BEGIN CERTIFICATE-----");
        let jks = store("store.pem", &[0xfe, 0xed, 0xfe, 0xed, 0, 0]);
        let pkcs12 = store("client.p12", &[0x30, 0x82, 1, 2]);
        let set = |name, path: &str| {
            client_config(
                &options(&[
                    ("security_protocol", "SSL"),
                    (name, path),
                    ("ssl_keystore_password", "s"),
                ]),
                0,
            )
        };
        let trust = set("ssl_truststore_location", &pem).unwrap();
        assert_eq!(trust.get("ssl.ca.location"), Some(pem.as_str()));
        let keys = set("ssl_keystore_location", &pkcs12).unwrap();
        assert_eq!(keys.get("ssl.keystore.location"), Some(pkcs12.as_str()));
        assert_eq!(keys.get("ssl.keystore.password"), Some("s"));
        assert_eq!(keys.get("ssl.ca.location"), Some("probe"));
        for (option, path) in [
            ("ssl_truststore_location", &jks),
            ("ssl_truststore_location", &pkcs12),
            ("ssl_keystore_location", &jks),
        ] {
            let message = set(option, path).unwrap_err().to_string();
            assert!(message.contains("keytool"), "{message}");
        }
        let missing = set("ssl_truststore_location", "/nowhere/ca.pem")
            .unwrap_err()
            .to_string();
        assert!(missing.contains("/nowhere/ca.pem"), "{missing}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
