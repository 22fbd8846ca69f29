import AgentRuntime

AgentProgram.main(CommandLine.arguments)
