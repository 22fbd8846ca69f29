/// Databases of the original AIBuild as they are in production, as SQL statements.
public enum HistoricDump {
    /// The schema that its code makes, by SQLAlchemy in MariaDB: names instead of ids, utf8.
    public static let byName = [
        "CREATE TABLE guestos (id VARCHAR(36) NOT NULL PRIMARY KEY, name VARCHAR(255), "
            + "base_iso VARCHAR(512), type VARCHAR(36), distro VARCHAR(36), version VARCHAR(36))",
        "CREATE TABLE build_log (id VARCHAR(36) NOT NULL PRIMARY KEY, image_name VARCHAR(255), "
            + "os_name VARCHAR(255), build_at DATETIME, update_contents TEXT, "
            + "get_url VARCHAR(512))",
        "CREATE TABLE testcases (id VARCHAR(36) NOT NULL PRIMARY KEY, name VARCHAR(255), "
            + "os_type VARCHAR(36))",
        "CREATE TABLE test_log (id VARCHAR(36) NOT NULL PRIMARY KEY, image_name VARCHAR(255), "
            + "case_name VARCHAR(255), result VARCHAR(10), test_at DATETIME)",
        "CREATE TABLE envs (id VARCHAR(36) NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL, "
            + "auth_url VARCHAR(255) NOT NULL, project_domain_name VARCHAR(64) NOT NULL, "
            + "user_domain_name VARCHAR(64) NOT NULL, project_name VARCHAR(64) NOT NULL, "
            + "username VARCHAR(255) NOT NULL, password VARCHAR(255) NOT NULL, "
            + "region VARCHAR(255) NOT NULL)",
        "CREATE TABLE release_log (id VARCHAR(36) NOT NULL PRIMARY KEY, env_name VARCHAR(64), "
            + "glance_id VARCHAR(36), release_at DATETIME)",
        "INSERT INTO guestos VALUES ('g1', 'ubuntu1604', 'u.iso', 'Linux', 'ubuntu', '16.04'), "
            + "('g2', 'win10', NULL, 'windows', NULL, NULL), "
            + "('12345678-abcd', 'win10', 'other.iso', 'windows', NULL, NULL), "
            + "('g4', NULL, NULL, NULL, NULL, NULL)",
        "INSERT INTO build_log VALUES "
            + "('b1', 'ubuntu1604x86_64_20181128_1.qcow2', 'ubuntu1604', '2018-11-28 09:05:00', "
            + "'更新', 'http://old/1'), ('b2', 'x', 'unknown', NULL, NULL, NULL)",
        "INSERT INTO testcases VALUES ('c1', 'boot', 'linux')",
        "INSERT INTO test_log VALUES ('t1', 'ubuntu1604x86_64_20181128_1.qcow2', 'boot', 'ok', "
            + "'2018-11-28 10:00:00')",
        "INSERT INTO envs VALUES ('e1', 'prod', 'http://k', 'd', 'd', 'p', 'u', 'w', 'r')",
        "INSERT INTO release_log VALUES ('r1', 'prod', 'glance-1', '2018-11-28 11:00:00')",
    ]

    /// The schema in its README: ids, and the column widths given there.
    public static let byID = [
        "CREATE TABLE guestos (id varchar(36) NOT NULL, name varchar(255), "
            + "base_iso varchar(255), type varchar(36), distro varchar(36), "
            + "version varchar(36), PRIMARY KEY (id))",
        "CREATE TABLE build_log (id varchar(36) NOT NULL, image_name varchar(255), "
            + "os_id varchar(36), build_at datetime, update_contents text, "
            + "get_url varchar(255), PRIMARY KEY (id))",
        "CREATE TABLE testcases (id varchar(36) NOT NULL, name varchar(255), "
            + "os_type varchar(36), PRIMARY KEY (id))",
        "CREATE TABLE test_log (id varchar(36) NOT NULL, build_id varchar(36), "
            + "case_id varchar(36), result varchar(10), test_at datetime, PRIMARY KEY (id))",
        "CREATE TABLE envs (id varchar(36) NOT NULL, name varchar(64) NOT NULL, "
            + "auth_url varchar(255) NOT NULL, project_domain_name varchar(64) NOT NULL, "
            + "user_domain_name varchar(64) NOT NULL, project_name varchar(64) NOT NULL, "
            + "username varchar(255) NOT NULL, password varchar(255) NOT NULL, "
            + "region varchar(255) NOT NULL, PRIMARY KEY (id))",
        "CREATE TABLE release_log (id varchar(36) NOT NULL, env_id varchar(60), "
            + "glance_id varchar(36), release_at datetime, PRIMARY KEY (id))",
        "INSERT INTO guestos VALUES ('g1', 'ubuntu1604', 'u.iso', 'linux', 'ubuntu', '16.04'), "
            + "('g2', 'win10', 'w.iso', 'windows', 'windows', '10')",
        "INSERT INTO build_log VALUES "
            + "('b1', 'ubuntu1604x86_64_20181128_1.qcow2', 'g1', '2018-11-28 09:05:00', '更新', "
            + "'http://old/1'), ('b2', 'x', 'gone', NULL, NULL, NULL)",
        "INSERT INTO testcases VALUES ('c1', 'boot', 'linux')",
        "INSERT INTO test_log VALUES ('t1', 'b1', 'c1', 'ok', '2018-11-28 10:00:00')",
        "INSERT INTO envs VALUES ('e1', 'prod', 'http://k', 'd', 'd', 'p', 'u', 'hunter22', 'r')",
        "INSERT INTO release_log VALUES ('r1', 'e1', 'glance-1', '2018-11-28 11:00:00')",
    ]
}
