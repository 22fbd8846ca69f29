import Glibc
import ProcessKit
import Support

/// The system's Python with docker-py and with modules that write spreadsheets as other programs
/// do. They are installed from PyPI into folders of the project, once.
public enum Python {
    private static let usual = Task {
        try await install(["xlwt==1.3.0", "openpyxl==3.1.5", "odfpy==1.4.1", "docker==7.1.0"])
    }
    static let telemetry = Task { try await install(["opentelemetry-proto==1.45.2"]) }
    /// The folder of modules that stand for clouds.
    static let clouds = Task { try await install(["moto[server]==5.2.5"]) }

    /// The script of axe-core, which judges what a page is to people who do not see it.
    public static func axe() async throws -> String {
        let folder = try await install(["axe-core-python==0.1.0"])
        let bytes = try Files.read(folder + "/axe_core_python/axe.min.js", limitBytes: 4 << 20)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Runs a program that writes the file `sys.argv[1]`. - Returns: the contents of that file.
    public static func file(_ program: String) async throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let path = folder.path + "/file"
        try await run(program, [path])
        return try Files.read(path, limitBytes: 64 << 20)
    }

    public static func run(_ program: String, _ arguments: [String] = []) async throws {
        var environment = Command.minimalEnvironment
        environment["PYTHONPATH"] = try await usual.value
        let output = try await Command(
            ["/usr/bin/python3", "-c", program] + arguments, environment: environment
        ).run(timeoutSeconds: 300)
        guard output.status.isSuccess else { throw Failure("python: \(output.stderrText)") }
    }

    private static func install(_ modules: [String]) async throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let folder = root + "/.deps/python-" + SHA256.hex(modules.joined().utf8).prefix(8)
        if Files.exists(folder) { return folder }
        let temporary = "\(folder)-\(getpid())"
        try Files.makeFolder(temporary)
        var environment = Command.minimalEnvironment
        // Settings of a machine that reaches PyPI through a proxy or mirror.
        for name in [
            "HOME", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_CERT", "SSL_CERT_FILE", "http_proxy",
            "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY",
        ] {
            environment[name] = getenv(name).map { String(cString: $0) }
        }
        let output = try await Command(
            [
                "/usr/bin/python3", "-m", "pip", "install", "--quiet", "--no-input",
                "--disable-pip-version-check", "--root-user-action=ignore", "--target", temporary,
            ] + modules, environment: environment
        ).run(timeoutSeconds: 300)
        guard output.status.isSuccess else {
            try? Files.remove(temporary)
            throw Failure(
                "pip cannot install \(modules) (scripts/install-packages.sh brings pip itself): "
                    + output.stderrText)
        }
        // Another process may have been faster; both copies are complete.
        if rename(temporary, folder) != 0 { try Files.remove(temporary) }
        return folder
    }
}
