package flags

// appHelp is what a program says of itself.
const appHelp = `{{.Name}}: {{.Usage}}

Usage: {{.HelpName}} COMMAND [FLAGS]
{{if .Description}}
{{.Description}}
{{end}}
Commands:
{{range .VisibleCommands}}  {{.Name}}\t{{.Usage}}
{{end}}
{{.HelpName}} COMMAND --help explains one of them.
`

// commandHelp is what a command says of itself.
const commandHelp = `{{.HelpName}}: {{.Usage}}

Usage: {{.HelpName}}{{if .VisibleFlags}} [FLAGS]{{end}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}
{{if .Description}}
{{.Description}}
{{end}}{{range .VisibleFlagCategories}}
{{if .Name}}{{.Name}}{{else}}Flags{{end}}:
{{range .Flags}}  {{.}}
{{end}}{{end}}`
