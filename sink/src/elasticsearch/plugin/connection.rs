//! The options that say where Elasticsearch is and how to speak to it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use kelp_keystore::Passwords;
use kelp_parser::config::Span;
use kelp_parser::config::ast::Spanned;
use kelp_parser::spec::{Password, Settings};

use super::options::{ElasticsearchOptions, Verification};
use crate::elasticsearch::client::{ClientError, ClientSettings, Login, Node, TlsSettings};
use crate::elasticsearch::hosts::HostUrl;

/// Where Elasticsearch is and how to speak to it.
pub(super) struct Connection {
    pub(super) hosts: Vec<HostUrl>,
    pub(super) client: ClientSettings,
}

impl Connection {
    /// A client for each host.
    pub(super) fn nodes(&self) -> Result<Vec<Node>, ClientError> {
        let hosts = self.hosts.iter();
        hosts
            .map(|host| Node::new(host.clone(), &self.client))
            .collect()
    }
}

/// `None` after errors were reported.
pub(super) fn connection(
    options: &ElasticsearchOptions,
    settings: &mut Settings<'_>,
) -> Option<Connection> {
    let ssl_enabled = ssl_enabled(options, settings);
    let hosts = hosts(options, ssl_enabled, settings);
    let login = login(options, settings);
    let tls = tls(options, settings);
    refuse_unsupported(options, settings)?;
    let (hosts, login) = (hosts?, login?);
    if matches!(login, Some(Login::ApiKey(_))) && !hosts.iter().all(HostUrl::is_https) {
        let span = settings.span_of("api_key");
        settings
            .report(span, "an API key is only sent over https")
            .help = Some("write the hosts as https://..., or set `ssl_enabled => true`".to_owned());
        return None;
    }
    let headers = options.custom_headers.iter();
    Some(Connection {
        hosts,
        client: ClientSettings {
            credentials: login,
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect(),
            tls: tls?,
            proxy: options.proxy.clone().filter(|proxy| !proxy.is_empty()),
            timeout: Duration::from_secs(options.timeout.0.max(1)),
        },
    })
}

fn ssl_enabled(options: &ElasticsearchOptions, settings: &mut Settings<'_>) -> Option<bool> {
    let old = options.ssl.as_ref();
    if let Some(old) = old {
        settings.warn(old.span, "`ssl` is called `ssl_enabled` since Logstash 9");
    }
    options.ssl_enabled.or(old.map(|old| old.node))
}

fn hosts(
    options: &ElasticsearchOptions,
    ssl_enabled: Option<bool>,
    settings: &mut Settings<'_>,
) -> Option<Vec<HostUrl>> {
    if let Some(cloud_id) = &options.cloud_id {
        if options.hosts.is_some() {
            settings.report(cloud_id.span, "`cloud_id` and `hosts` exclude each other");
            return None;
        }
        return match HostUrl::from_cloud_id(&cloud_id.node) {
            Ok(host) => Some(vec![host]),
            Err(error) => {
                settings.report(cloud_id.span, error.to_string());
                None
            }
        };
    }
    let default = [Spanned {
        node: "127.0.0.1".to_owned(),
        span: settings.span_of("hosts"),
    }];
    let written = match options.hosts.as_deref() {
        None | Some([]) => &default[..],
        Some(hosts) => hosts,
    };
    let path = options.path.as_ref().map(|path| path.node.as_str());
    let mut hosts = Vec::new();
    for host in written {
        match HostUrl::parse(&host.node, ssl_enabled) {
            Ok(parsed) => hosts.push(match path {
                Some(path) => parsed.with_path(path),
                None => parsed,
            }),
            Err(error) => {
                settings.report(host.span, error.to_string());
            }
        }
    }
    (hosts.len() == written.len()).then_some(hosts)
}

/// Who we are; at most one of three ways to say so.
fn login(options: &ElasticsearchOptions, settings: &mut Settings<'_>) -> Option<Option<Login>> {
    let user_span = options.user.as_ref().map(|user| user.span);
    let password_span = options.password.as_ref().map(|password| password.span);
    let basic_span = user_span.or(password_span);
    let cloud_span = options.cloud_auth.as_ref().map(|cloud| cloud.span);
    let key_span = options.api_key.as_ref().map(|key| key.span);
    let given: Vec<Span> = [basic_span, cloud_span, key_span]
        .into_iter()
        .flatten()
        .collect();
    if let [_, second, ..] = given[..] {
        let message = "only one of `user` with `password`, `cloud_auth` and `api_key` can be given";
        settings.report(second, message);
        return None;
    }
    if let Some(cloud) = &options.cloud_auth {
        let Some((user, password)) = cloud.node.reveal().split_once(':') else {
            settings.report(cloud.span, "`cloud_auth` is written as user:password");
            return None;
        };
        return Some(Some(Login::Basic(user.to_owned(), password.to_owned())));
    }
    if let Some(key) = &options.api_key {
        let login = Login::api_key(key.node.reveal());
        if login.is_none() {
            let message = "the API key is neither `id:key`, nor base64, nor a key of Elastic Cloud (essu_...)";
            settings.report(key.span, message);
            return None;
        }
        return Some(login);
    }
    Some(match (&options.user, &options.password) {
        (Some(user), Some(password)) => Some(Login::Basic(
            user.node.clone(),
            password.node.reveal().to_owned(),
        )),
        (Some(user), None) => {
            settings.warn(user.span, "`user` has no effect without `password`");
            None
        }
        _ => None,
    })
}

fn tls(options: &ElasticsearchOptions, settings: &mut Settings<'_>) -> Option<TlsSettings> {
    let mut authorities = Vec::new();
    let mut failed = false;
    let mut files: Vec<&Spanned<_>> = options
        .ssl_certificate_authorities
        .iter()
        .flatten()
        .collect();
    if let Some(old) = &options.cacert {
        let message = "`cacert` is called `ssl_certificate_authorities` since Logstash 9";
        settings.warn(old.span, message);
        files.push(old);
    }
    for file in files {
        match read(&file.node, file.span, settings) {
            Some(pem) => authorities.extend_from_slice(&pem),
            None => failed = true,
        }
    }
    if let Some(store) = &options.ssl_truststore_path {
        if !files_are_none(options) {
            let message =
                "`ssl_truststore_path` and `ssl_certificate_authorities` exclude each other";
            settings.report(store.span, message);
            failed = true;
        }
        let password = options.ssl_truststore_password.as_ref();
        match kelp_keystore::authorities(&store.node, password.map(Password::reveal)) {
            Ok(Some(pem)) => authorities.extend_from_slice(pem.as_bytes()),
            Ok(None) => {
                let message =
                    "it is no store of Java's: give a PEM file in `ssl_certificate_authorities`";
                settings.report(store.span, message);
                failed = true;
            }
            Err(error) => {
                settings.report(store.span, error.to_string());
                failed = true;
            }
        }
    }
    let identity = match (&options.ssl_certificate, &options.ssl_key) {
        (None, None) if options.ssl_keystore_path.is_some() => of_store(options, settings),
        (Some(one), _) | (_, Some(one)) if options.ssl_keystore_path.is_some() => {
            let message = "`ssl_keystore_path` and `ssl_certificate` exclude each other";
            settings.report(one.span, message);
            None
        }
        (None, None) => Some(None),
        (Some(certificate), Some(key)) => {
            let pem = read(&certificate.node, certificate.span, settings);
            let key = read(&key.node, key.span, settings);
            pem.zip(key).map(|(mut pem, key)| {
                pem.push(b'\n');
                pem.extend_from_slice(&key);
                Some(pem)
            })
        }
        (Some(one), None) | (None, Some(one)) => {
            settings.report(one.span, "`ssl_certificate` and `ssl_key` need each other");
            None
        }
    };
    let mut no_verification = options.ssl_verification_mode == Verification::None;
    if let Some(old) = &options.ssl_certificate_verification {
        let message =
            "`ssl_certificate_verification` is called `ssl_verification_mode` since Logstash 9";
        settings.warn(old.span, message);
        no_verification |= !old.node;
    }
    if no_verification {
        let span = settings.span_of("ssl_verification_mode");
        let message =
            "certificates are not checked: whoever is in between can read and change everything";
        settings.warn(span, message);
    }
    if failed {
        return None;
    }
    Some(TlsSettings {
        authorities: (!authorities.is_empty()).then_some(authorities),
        identity: identity?,
        no_verification,
    })
}

fn files_are_none(options: &ElasticsearchOptions) -> bool {
    options.ssl_certificate_authorities.is_none() && options.cacert.is_none()
}

/// Certificates and key of the key store, one after the other.
fn of_store(
    options: &ElasticsearchOptions,
    settings: &mut Settings<'_>,
) -> Option<Option<Vec<u8>>> {
    let Some(store) = &options.ssl_keystore_path else {
        return Some(None);
    };
    let password = options.ssl_keystore_password.as_ref();
    let passwords = Passwords {
        store: password.map(Password::reveal),
        key: None,
    };
    match kelp_keystore::client(&store.node, passwords) {
        Ok(Some(client)) => Some(Some((client.certificates + &client.key).into_bytes())),
        Ok(None) => {
            let message =
                "it is no store of Java's: give PEM files in `ssl_certificate` and `ssl_key`";
            settings.report(store.span, message);
            None
        }
        Err(error) => {
            settings.report(store.span, error.to_string());
            None
        }
    }
}

pub(super) fn read(path: &Path, span: Span, settings: &mut Settings<'_>) -> Option<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let message = format!("`{}` cannot be read: {error}", path.display());
            settings.report(span, message);
            None
        }
    }
}

/// Options that would silently change who is trusted, or where data goes, if they were ignored.
fn refuse_unsupported(options: &ElasticsearchOptions, settings: &mut Settings<'_>) -> Option<()> {
    let unsupported = [(
        options.ca_trusted_fingerprint.is_some(),
        "ca_trusted_fingerprint",
        "give the authority's certificate in `ssl_certificate_authorities`",
    )];
    let mut refused = false;
    for (is_set, name, help) in unsupported {
        if is_set {
            refused = true;
            let span = settings.span_of(name);
            settings
                .report(span, format!("`{name}` is not supported"))
                .help = Some(help.to_owned());
        }
    }
    let ignored = [
        (
            options.sniffing,
            "sniffing",
            "hosts are not discovered; name all of them in `hosts`",
        ),
        (
            options.ssl_cipher_suites.is_some(),
            "ssl_cipher_suites",
            "the cipher suites cannot be chosen; those of TLS 1.2 and 1.3 that are safe are used",
        ),
    ];
    for (is_set, name, message) in ignored {
        if is_set {
            let span = settings.span_of(name);
            settings.warn(span, message);
        }
    }
    (!refused).then_some(())
}
