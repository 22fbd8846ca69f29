/// A block of an HCL2 template, in either of its syntaxes: `*.pkr.hcl` or `*.pkr.json`.
struct TemplateBlock: Sendable {
    struct Attribute: Sendable {
        var start: SourcePlace
        /// Its expression as written.
        var raw: String
        var setting: TemplateSourceBlock.Setting
        var value: TemplateValue { setting.value }
    }

    var type: String
    var labels: [String]
    var place: SourcePlace
    var insertion: SettingInsertion
    /// Of attributes with one name the last one counts.
    var attributes: [String: Attribute] = [:]
    private var blocks: [TemplateBlock] = []

    subscript(name: String) -> TemplateValue? { attributes[name]?.value }

    func blocks(_ type: String) -> [TemplateBlock] { blocks.filter { $0.type == type } }

    var settings: [String: TemplateSourceBlock.Setting] { attributes.mapValues(\.setting) }

    /// The blocks of a file, in order.
    static func read(_ source: SourceText) throws(UnreadableTemplate) -> [TemplateBlock] {
        guard source.file.hasSuffix(".json") else {
            if let (offset, what) = HCLSyntax.problem(in: source.bytes) {
                throw UnreadableTemplate(
                    description: "\(source.place(offset)): the template is not valid HCL: \(what)")
            }
            return HCLBody.parse(source.bytes).blocks.map { TemplateBlock($0, source) }
        }
        let root = try JSONParser.parse(source)
        guard root.members != nil else {
            throw UnreadableTemplate(
                description: "\(source.file):1:1: the template is not a JSON object")
        }
        return TemplateBlock(root, type: "", labels: [], Self.root, source).blocks
    }

    // MARK: HCL

    private init(_ block: HCLBody.Block, _ source: SourceText) {
        (type, labels) = (block.type, block.labels)
        place = source.place(block.start)
        let isOneLine = !source.bytes[block.inner..<block.close].contains(0x0A)
        insertion = .hcl(at: block.inner, lineEnd: isOneLine ? block.close : nil)
        for attribute in block.body.attributes {
            attributes[attribute.name] = Attribute(
                start: source.place(attribute.start),
                raw: String(decoding: source.bytes[attribute.expression], as: UTF8.self),
                setting: .init(
                    value: TemplateValue(source.bytes, in: attribute.expression),
                    place: source.place(attribute.expression.lowerBound),
                    range: attribute.expression))
        }
        blocks = block.body.blocks.map { TemplateBlock($0, source) }
    }

    // MARK: JSON

    /// The blocks that a body may hold. In JSON, only Packer's schema tells them from attributes.
    private struct Schema {
        /// The number of labels, by type.
        var labels: [String: Int] = [:]
        var inner: [String: Schema] = [:]
    }

    private static let root = Schema(
        labels: [
            "packer": 0, "variable": 1, "variables": 0, "local": 1, "locals": 0, "data": 2,
            "source": 2, "build": 0,
        ],
        inner: [
            "packer": Schema(labels: ["required_plugins": 0]),
            "build": Schema(labels: ["source": 1]),
        ])

    private init(
        _ body: JSONTree, type: String, labels: [String], _ schema: Schema, _ source: SourceText
    ) {
        (self.type, self.labels) = (type, labels)
        place = source.place(body.range.lowerBound)
        insertion = .json(
            at: body.range.lowerBound + 1, isEmpty: body.members?.isEmpty ?? true)
        // `//` is a comment.
        for (name, value) in body.members ?? [] where name != "//" {
            if let count = schema.labels[name] {
                blocks += Self.bodies(value, labels: [], of: count).map { labels, body in
                    TemplateBlock(
                        body, type: name, labels: labels, schema.inner[name] ?? Schema(), source)
                }
                continue
            }
            let place = source.place(value.range.lowerBound)
            attributes[name] = Attribute(
                start: place,
                raw: value.text
                    ?? String(decoding: source.bytes[value.range], as: UTF8.self),
                setting: .init(
                    value: TemplateValue(value, isHCL: true), place: place, range: value.range))
        }
    }

    /// The bodies below the labels of a block. At each level there may be a list of them.
    private static func bodies(
        _ tree: JSONTree, labels: [String], of count: Int
    ) -> [(labels: [String], body: JSONTree)] {
        (tree.items ?? [tree]).flatMap { item in
            let members = item.members ?? []
            if labels.count == count { return item.members == nil ? [] : [(labels, item)] }
            return members.filter { $0.key != "//" }.flatMap { member in
                bodies(member.value, labels: labels + [member.key], of: count)
            }
        }
    }
}
