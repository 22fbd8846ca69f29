import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import Support

/// A real Chromium without a screen, driven as WebDriver (W3C) says.
public final class Browser: Sendable {
    private let driver: ServerProcess
    private let session: String
    private let http = HTTPClient()

    private static let timeouts = HTTPTimeouts(stallSeconds: 60, totalSeconds: 60)
    private static let elementKey = "element-6066-11e4-a52e-4f735466cecf"

    public static func start() async throws -> Browser {
        let folder = "/tmp/aib-browser\(UInt32.random(in: .min ... .max))"
        try Files.makeFolder(folder, mode: 0o700)
        let port = try LoopbackPort.free()
        // What it starts ends with its profile, however the driver ended.
        let driver = try ServerProcess(
            folder: folder, ["chromedriver", "--port=\(port)"],
            cleanup: "pkill -KILL -f -- user-data-dir=$dir/profile")
        let http = HTTPClient()
        let base = "http://127.0.0.1:\(port)"
        try await eventually("chromedriver serves", seconds: 60) {
            (try? await http.request("GET", base + "/status").status) == 200
        }
        let arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--user-data-dir=\(folder)/profile", "--ignore-certificate-errors",
        ].map { "\"\($0)\"" }.joined(separator: ",")
        let wanted =
            #"{"capabilities":{"alwaysMatch":{"browserName":"chrome","goog:chromeOptions":"#
            + #"{"args":[\#(arguments)]}}}}"#
        let answer = try await http.request(
            "POST", base + "/session", headers: ["Content-Type": "application/json"],
            body: Array(wanted.utf8), timeouts: timeouts)
        struct Session: Decodable {
            struct Value: Decodable { var sessionId: String }
            var value: Value
        }
        guard
            let made = try? JSONDecoder().decode(Session.self, from: Data(answer.body))
        else {
            throw Failure("no browser: \(String(decoding: answer.body, as: UTF8.self))")
        }
        return Browser(driver, "\(base)/session/\(made.value.sessionId)")
    }

    private init(_ driver: ServerProcess, _ session: String) {
        self.driver = driver
        self.session = session
    }

    public func open(_ url: String) async throws {
        _ = try await ask("POST", "/url", ["url": url])
    }

    /// Waits until it is there: a click does not wait for where it leads.
    public func arrives(at url: String) async throws {
        var last = ""
        try await eventually("the browser is at \(url); it is at \(last)") {
            last = try text(try await ask("GET", "/url"))
            return last == url
        }
    }

    /// Waits until a person reads these words on the page.
    public func reads(_ words: String) async throws {
        var last = ""
        try await eventually("the page says '\(words)'; it says '\(last)'") {
            // The page may change between the two questions.
            guard let body = try? await find("body"),
                let found = try? await ask("GET", "/element/\(body)/text")
            else { return false }
            last = try text(found)
            return last.contains(words)
        }
    }

    public func type(_ words: String, into selector: String) async throws {
        _ = try await ask(
            "POST", "/element/\(try await find(selector))/value", ["text": words])
    }

    public func click(_ selector: String) async throws {
        _ = try await ask("POST", "/element/\(try await find(selector))/click", [String: String]())
    }

    /// Runs the body of a function in the page.
    /// - Returns: the text that it returns, or promises.
    @discardableResult
    public func run(_ script: String) async throws -> String {
        struct Script: Encodable {
            var script: String
            var args: [String] = []
        }
        return try text(try await ask("POST", "/execute/sync", Script(script: script)))
    }

    /// As a reader with this colour scheme and window sees the pages from now on.
    public func show(scheme: String, width: Int, height: Int) async throws {
        struct Wish: Encodable {
            struct Parameters: Encodable {
                struct Feature: Encodable {
                    var name = "prefers-color-scheme"
                    var value: String
                }
                var features: [Feature]?
                var width, height, deviceScaleFactor: Int?
                var mobile: Bool?
            }
            var cmd: String
            var params: Parameters
        }
        _ = try await ask(
            "POST", "/goog/cdp/execute",
            Wish(
                cmd: "Emulation.setEmulatedMedia",
                params: .init(features: [.init(value: scheme)])))
        _ = try await ask(
            "POST", "/goog/cdp/execute",
            Wish(
                cmd: "Emulation.setDeviceMetricsOverride",
                params: .init(
                    width: width, height: height, deviceScaleFactor: 1, mobile: false)))
    }

    private func find(_ selector: String) async throws -> String {
        struct Found: Decodable { var value: [String: String] }
        let body = try await ask(
            "POST", "/element", ["using": "css selector", "value": selector])
        let found = try JSONDecoder().decode(Found.self, from: Data(body))
        guard let id = found.value[Self.elementKey] else { throw Failure("no \(selector)") }
        return id
    }

    private func text(_ body: [UInt8]) throws -> String {
        struct Text: Decodable { var value: String }
        return try JSONDecoder().decode(Text.self, from: Data(body)).value
    }

    private func ask(
        _ method: String, _ path: String, _ fields: (any Encodable)? = nil
    ) async throws -> [UInt8] {
        let answer = try await http.request(
            method, session + path, headers: ["Content-Type": "application/json"],
            body: try fields.map { Array(try JSONEncoder().encode($0)) } ?? [],
            timeouts: Self.timeouts)
        guard answer.status == 200 else {
            throw Failure("\(path): \(String(decoding: answer.body.prefix(600), as: UTF8.self))")
        }
        return answer.body
    }
}
