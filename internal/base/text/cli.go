package text

// What the commands say.
const (
	CLIError Key = "cli.error"
)

var cliTexts = table{
	CLIError: {"posthorn: %v", "posthorn: %v"},
}
