import TestSupport
import Testing

@testable import DockerKit

/// An engine tells only the newest state of a layer, and nothing between two lines that follow
/// each other quickly. Which lines a real pull has depends on how busy the engine is.
@Suite struct PullProgressTests {
    @Test("The bytes of all layers are summed up, of those that are complete too")
    func sums() throws {
        let lines = [
            #"{"status":"Pulling from lab/debian12","id":"7"}"#,
            #"{"status":"Pulling fs layer","progressDetail":{},"id":"a3ed95ca"}"#,
            #"""
            {"status":"Downloading","progressDetail":{"current":1000,"total":5000},\#
            "progress":"[=>  ] 1kB/5kB","id":"a3ed95ca"}
            """#,
            #"{"status":"Downloading","progressDetail":{"current":70,"total":100},"id":"9d48"}"#,
            #"{"status":"Download complete","progressDetail":{},"id":"a3ed95ca"}"#,
            #"{"status":"Extracting","progressDetail":{"current":1,"total":9},"id":"a3ed95ca"}"#,
            #"{"status":"Status: Downloaded newer image for lab/debian12:7"}"#,
        ]
        let reported = try reports(of: lines.joined(separator: "\n") + "\n")
        #expect(reported == [[1000, 5000], [1070, 5100], [5070, 5100]])
    }

    @Test("A layer whose size was never told is left out")
    func unknownSize() throws {
        let reported = try reports(
            of: #"{"status":"Download complete","progressDetail":{},"id":"a3ed95ca"}"#)
        #expect(reported.isEmpty)
    }

    private func reports(of text: String) throws -> [[Int64]] {
        let reported = Notes<[Int64]>()
        let progress = PullProgress()
        let lines = ProgressLines { line in
            if let (done, total) = progress.take(line) { reported.add([done, total]) }
        }
        // As a transfer delivers them: cut anywhere.
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            try Array(rest.prefix(7)).withUnsafeBytes { try lines.take($0) }
            rest = rest.dropFirst(7)
        }
        #expect(lines.finish() == nil)
        return reported.all
    }
}
