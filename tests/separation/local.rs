//! A local cluster works under the same rules: what is done there daily is done by a role that policies bind.

use crate::support::binary;

#[tokio::test]
async fn a_local_cluster_is_used_by_a_role_that_policies_bind() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = binary::command();
        command.arg("--data-dir").arg(folder.path().join("data")).args(arguments);
        binary::run(command, None)
    };
    run(&["org", "add", "acme", "--name", "Acme", "--timezone", "UTC"]).done();
    run(&["pool", "add", "mine"]).done();
    let checks = run(&["doctor", "--json"]).json();
    let rights = checks.as_array().unwrap().iter().find(|check| check["name"] == "rights").unwrap();
    assert_eq!(rights["detail"], "signalbox_operator is admin of acme, and reaches nothing else");
    // Several organisations, operators, and all that an admin does.
    run(&["org", "add", "second", "--name", "Second", "--timezone", "UTC"]).done();
    run(&["operator", "add", "ana", "--role", "manager", "--org", "second"]).done();
    let listed = run(&["operator", "list", "--org", "second", "--json"]).done().json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
}
