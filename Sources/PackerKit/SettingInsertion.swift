/// Where a setting can be added to a source, and in which syntax.
public enum SettingInsertion: Sendable, Hashable {
    /// - Parameter lineEnd: where a block on one line ends, which has no room for another setting.
    case hcl(at: Int, lineEnd: Int?)
    case json(at: Int, isEmpty: Bool)

    func edits(_ name: String, _ value: String, in file: String) -> [TemplateEdit] {
        switch self {
        case .hcl(let offset, let lineEnd):
            [
                TemplateEdit(
                    file: file, range: offset..<offset, text: "\n  \(name) = \"\(value)\"\n ")
            ] + (lineEnd.map { [TemplateEdit(file: file, range: $0..<$0, text: "\n")] } ?? [])
        case .json(let offset, let isEmpty):
            [
                TemplateEdit(
                    file: file, range: offset..<offset,
                    text: "\"\(name)\": \"\(value)\"" + (isEmpty ? "" : ", "))
            ]
        }
    }
}
