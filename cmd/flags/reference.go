package flags

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// Reference writes, in Markdown, all commands of an app with their flags, variables and defaults. intro
// comes after the title.
func Reference(app *cli.App, intro string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n%s\n", app.Name, app.Usage, strings.TrimSpace(intro))
	for _, cmd := range app.Commands {
		if cmd.Hidden || cmd.Name == "help" { // help is the library's
			continue
		}
		fmt.Fprintf(&b, "\n## %s %s\n\n%s.\n", app.Name, cmd.Name, capital(cmd.Usage))
		if cmd.ArgsUsage != "" {
			fmt.Fprintf(&b, "\n    %s %s [FLAGS] %s\n", app.Name, cmd.Name, cmd.ArgsUsage)
		}
		if cmd.Description != "" {
			b.WriteString("\n" + indented(cmd.Description) + "\n")
		}
		titles, flags := sections(cmd)
		for _, title := range titles {
			if title != "" {
				fmt.Fprintf(&b, "\n### %s\n", title)
			}
			b.WriteString("\n| flag | what it does | unless given | variable |\n|---|---|---|---|\n")
			for _, d := range flags[title] {
				d.reference(&b)
			}
		}
	}
	return b.String()
}

func (d *description) reference(b *strings.Builder) {
	text, standard := d.text, d.standard
	if d.many {
		text += "; repeatable"
	}
	if standard != "" && !strings.Contains(standard, " ") { // a value, not a remark
		standard = "`" + standard + "`"
	}
	cell := strings.NewReplacer("|", `\|`, "*", `\*`)
	fmt.Fprintf(b, "| `%s` | %s | %s | `%s` |\n", d.flag, cell.Replace(text), standard, d.env)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// indented makes code of the lines that a description sets in by two columns.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			line = "  " + line
		}
		b.WriteString(line)
	}
	return b.String()
}
