import Support
import TestSupport
import Testing

/// Programs that keep copies of images up to date.
@Suite(.timeLimit(.minutes(3))) struct MirrorTests {
    @Test("curl and wget fetch an image once, and resume it")
    func downloadPrograms() async throws {
        try await withFarm(.withoutHosts) { farm in
            let folder = "\(farm.webRoot)/images/release/d"
            let url = "\(farm.api.base)/images/release/d/d_1.raw"
            try await farm.shell(
                """
                mkdir -p \(folder) mirror
                head -c 1000000 /dev/urandom >\(folder)/d_1.raw
                touch --date '2024-05-06 07:08:09 UTC' \(folder)/d_1.raw
                """)
            let curl = "curl -sS -R -w '%{http_code} %{size_download}\\n'"
            #expect(try await farm.shell("\(curl) -o copy \(url)") == "200 1000000\n")
            #expect(try await farm.shell("\(curl) -z copy -o copy \(url)") == "304 0\n")
            let wget = "cd mirror; wget -nv -N \(url) 2>&1"
            #expect(try await farm.shell(wget).contains("[1000000/1000000]"))
            #expect(try await farm.shell(wget) == "", "the same is not fetched again")
            #expect(
                try await farm.shell("stat -c %Y mirror/d_1.raw") == "1714979289\n")
            // Both notice another image.
            try await farm.shell(
                "echo more >>\(folder)/d_1.raw; "
                    + "touch --date '2024-05-06 07:08:10 UTC' \(folder)/d_1.raw")
            #expect(try await farm.shell(wget).contains("1000005"))
            #expect(try await farm.shell("\(curl) -z copy -o copy \(url)") == "200 1000005\n")
            // A download that was interrupted.
            let part = try await farm.shell(
                "truncate -s 400000 copy; \(curl) -C - -o copy \(url); cmp copy \(folder)/d_1.raw")
            #expect(part == "206 600005\n")
            let rest = try await farm.shell(
                "cd mirror; truncate -s 400000 d_1.raw; wget -nv -S -c \(url) 2>&1; "
                    + "cmp d_1.raw \(folder)/d_1.raw")
            #expect(rest.contains("206 Partial Content"), "\(rest)")
        }
    }

    @Test("A doubled slash in a request leads to the same file by a redirect")
    func doubledSlashes() async throws {
        try await withFarm(.withoutHosts) { farm in
            try await farm.shell(
                "mkdir -p \(farm.webRoot)/images/build/d; "
                    + "echo ten >\(farm.webRoot)/images/build/d/a.raw")
            let url = "\(farm.api.base)//images/build//d/a.raw"
            #expect(
                try await farm.shell(
                    "curl -sS -w '%{http_code} %{redirect_url}' -o /dev/null \(url)")
                    == "301 \(farm.api.base)/images/build/d/a.raw")
            #expect(try await farm.shell("curl -sS -L \(url)") == "ten\n")
        }
    }
}
