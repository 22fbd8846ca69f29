import FoundationEssentials

/// `aibuild web`
enum WebCommand {
    private struct Code: Decodable {
        var path: String
        var url: String?
        var expiresSeconds: Int
    }

    static let web = Command(
        name: "web", summary: "Print an address that opens the web page in a browser",
        details: [
            "The address signs one browser in, once, within five minutes.",
            "The browser stays signed in for a week, or until a day without a request.",
        ],
        examples: ["aibuild web"],
        run: { context in
            let body = try await context.api.send("POST", "/api/v1/sign-in-codes")
            return try context.show(body, as: Code.self) { code in
                let url = code.url ?? context.api.firstURL + code.path
                context.console.out(SafeText.line(url) + "\n")
            }
        })
}
