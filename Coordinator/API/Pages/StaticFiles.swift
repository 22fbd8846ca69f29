/// The style sheet and the scripts of the pages, embedded from `Assets/` at build time: small,
/// plain, no build step, no inline script anywhere.
enum StaticFiles {
    static let all: [String: (type: String, bytes: [UInt8])] = [
        "style.css": ("text/css; charset=utf-8", PackageResources.style_css),
        "overview.js": ("text/javascript; charset=utf-8", PackageResources.overview_js),
        "build.js": ("text/javascript; charset=utf-8", PackageResources.build_js),
    ]
}
