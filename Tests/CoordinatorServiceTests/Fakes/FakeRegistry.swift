import CoordinatorCore
import CoordinatorService
import Synchronization

/// Returns the same content for every file.
final class FakeSheets: SheetFiles {
    private let file = Mutex(SheetFile(tables: []))
    private let tables = Mutex<[String: [[String]]]>([:])

    /// The content of the next files: rows of texts, by sheet.
    func set(_ tables: [(String, [[String]])], isText: Bool = false) {
        let letters = "ABCDEFGHIJKLMNOP".map(String.init)
        file.withLock {
            $0 = SheetFile(
                tables: tables.map { name, rows in
                    SheetTable(
                        name: name, columns: letters,
                        rows: rows.enumerated().map { index, row in
                            .init(
                                number: index + 1,
                                values: row.map { $0.isEmpty ? .empty : .text($0) })
                        })
                }, isText: isText)
        }
    }

    var written: [String: [[String]]] { tables.withLock(\.self) }

    func read(_ bytes: [UInt8], name: String) async throws -> SheetFile {
        file.withLock(\.self)
    }

    func write(_ sheets: [(name: String, rows: [[String]])]) async throws -> [UInt8] {
        tables.withLock { $0 = Dictionary(uniqueKeysWithValues: sheets.map { ($0.name, $0.rows) }) }
        return []
    }
}

/// A Git server that does as requested, or fails.
final class FakeTemplateServer: TemplateServer {
    private let state = Mutex<(prepared: [String], problem: String?)>(([], nil))

    func fail(_ problem: String?) { state.withLock { $0.problem = problem } }
    var prepared: [String] { state.withLock(\.prepared) }

    func template(ofGuestOS name: String) -> TemplateSource {
        .git(url: "https://git/aibuild/\(name)_tpl.git", ref: "main")
    }

    func prepare(guestOS name: String) async -> TemplateServerReport {
        state.withLock { state in
            state.prepared.append(name)
            return TemplateServerReport(guestOS: name, done: ["looked"], problem: state.problem)
        }
    }

    /// The hook of this server.
    static let hook = HookSource(
        name: "gitlab", kind: .gitlab, url: "https://git", secret: Secret("secret"))
}
