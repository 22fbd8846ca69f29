import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import SQLKit
import ProcessKit
import Support
import TestSupport
import Testing

/// From submission to the web root, through real sshd, agent and coordinator.
@Suite struct BuildTests {
    /// A file of 3 MiB with the name of an image.
    private static let script = """
        echo "building $AIBUILD_IMAGE_NAME for $AIBUILD_VAR_flavour"
        echo "to standard error" >&2
        head -c 3145728 /dev/urandom > "$AIBUILD_OUTPUT/disk.raw"
        """
    private static let yaml = "variables: {flavour: vanilla}\n"

    @Test("A command build ends as an image in the web root")
    func commandBuildIsPublished() async throws {
        try await withFarm { farm in
            try await farm.script("debian", Self.script, yaml: Self.yaml)
            let build = try await farm.api.submit("debian")
            #expect(build.state == "queued" && build.number == 1)
            let passed = try await farm.api.end(of: build)
            try #require(passed.state == "passed", "\(passed)")
            try await expectPublished(farm, passed)

            // Only one program at a time may use an SQLite file.
            try await farm.stopCoordinator()
            let database = try await SQLDatabase.open(
                .sqlite(path: farm.stateFolder + "/aibuild.sqlite"))
            try await expectRecorded(database, passed)
        }
    }

    @Test("A command build is published and recorded on MariaDB")
    func commandBuildOnMariaDB() async throws {
        var setup = Farm.Setup()
        let endpoint = try await MariaDBServer.shared().makeDatabase()
        setup.database = endpoint
        try await withFarm(setup) { farm in
            try await farm.script("debian", Self.script, yaml: Self.yaml)
            let passed = try await farm.api.end(of: try await farm.api.submit("debian"))
            try #require(passed.state == "passed", "\(passed)")
            try await expectPublished(farm, passed)
            try await expectRecorded(try await SQLDatabase.open(.mariadb(endpoint)), passed)
        }
    }

    /// The image, the files beside it, and what the API reports of it.
    private func expectPublished(_ farm: Farm, _ build: FarmBuild) async throws {
        let image = try #require(build.image)
        #expect(image.name == build.imageName + ".raw")
        #expect(image.name.wholeMatch(of: #/debianx86_64_\d{8}_1[.]raw/#) != nil)
        #expect(image.path == "images/build/debian/\(image.name)")
        #expect(image.sizeBytes == 3_145_728)
        let folder = "\(farm.webRoot)/images/build/debian"
        let bytes = try Files.read("\(folder)/\(image.name)", limitBytes: 1 << 24)
        #expect(SHA256.hex(bytes) == image.sha256)
        try await farm.shell("cd \(folder) && sha256sum --check --strict SHA256SUMS")
        #expect(try Files.list(folder).allSatisfy { !$0.hasSuffix(".part") })

        // Served completely and in ranges.
        let path = "/" + image.path
        #expect(image.url.hasSuffix(path))
        #expect(try await farm.api.get(path).body == bytes)
        let part = try await farm.api.get(path, headers: ["Range": "bytes=1000000-1000009"])
        #expect(part.status == 206)
        #expect(part.headers["Content-Range"] == "bytes 1000000-1000009/3145728")
        #expect(part.body == Array(bytes[1_000_000...1_000_009]))

        // The log is in the state folder, beside the image, and in the API.
        let attempt = try #require(build.attempts?.last)
        let log = try await farm.api.log(build)
        #expect(SHA256.hex(log) == attempt.logSHA256)
        #expect(Int64(log.count) == attempt.logBytes)
        let text = String(decoding: log, as: UTF8.self)
        #expect(text.contains(#""s":"out","m":"building \#(build.imageName) for vanilla"}"#))
        // One pipe, so that the order is that of writing.
        #expect(text.contains(#""s":"out","m":"to standard error"}"#))
        let names = try Files.list(folder)
        let logName = try #require(names.first { $0.hasSuffix(".ndjson") || $0.hasSuffix(".log") })
        #expect(try Files.read("\(folder)/\(logName)", limitBytes: 1 << 24) == log)

        let recordName = try #require(names.first { $0.hasSuffix(".json") }, "\(names)")
        let record = try Files.read("\(folder)/\(recordName)", limitBytes: 1 << 20)
        struct Record: Decodable { var build, attempt, host, templateSHA256, logSHA256: String }
        let decoded = try JSONDecoder().decode(Record.self, from: Data(record))
        #expect(decoded.build == build.id && decoded.attempt == attempt.attempt)
        #expect(decoded.host == "kvm0" && decoded.logSHA256 == attempt.logSHA256)

        try await eventually("the agent has forgotten it") { farm.hosts[0].attempts.isEmpty }
    }

    private func expectRecorded(_ database: SQLDatabase, _ build: FarmBuild) async throws {
        let rows = try await database.query(
            "SELECT image_name, get_url, update_contents FROM build_log")
        #expect(rows.count == 1)
        let row = try #require(rows.first)
        #expect(try row.text("image_name") == build.image?.name)
        #expect(try row.text("get_url") == build.image?.url)
        #expect(try row.text("update_contents") == "a test")
        await database.close()
    }
}
