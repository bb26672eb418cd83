package flags

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// description is what people are told of a flag.
type description struct {
	flag     string // --brokers HOST:PORT
	env      string
	text     string // what it does; the end of a sentence that begins with the program
	standard string // its default; "" for none
	many     bool   // may be repeated
	category string
}

// describe reads a flag before it is parsed, so that what is in the environment shows nowhere.
func describe(f cli.Flag) description {
	d := f.(cli.DocGenerationFlag)
	name := f.Names()[0]
	out := description{flag: "--" + name, env: Env(name), text: d.GetUsage(), standard: standard(f)}
	if _, value, ok := strings.Cut(out.text, "`"); ok {
		value, _, _ = strings.Cut(value, "`")
		out.flag += " " + value
		out.text = strings.ReplaceAll(out.text, "`", "")
	}
	_, out.many = f.(*cli.StringSliceFlag)
	if c, ok := f.(cli.CategorizableFlag); ok {
		out.category = c.GetCategory()
	}
	return out
}

// standard is a flag's default as one would write it.
func standard(f cli.Flag) string {
	switch f := f.(type) {
	case *cli.BoolFlag:
		if f.Value {
			return "true"
		}
		return ""
	case *cli.DurationFlag:
		if f.DefaultText == "" {
			return Short(f.Value)
		}
	}
	return strings.Trim(f.(cli.DocGenerationFlag).GetDefaultText(), `"`)
}

// Short writes a time without the zero units at its end: 5s and 1m, not 1m0s.
func Short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// sections groups the flags of a command by category, in the order in which they are first named.
func sections(cmd *cli.Command) (titles []string, flags map[string][]description) {
	flags = map[string][]description{}
	for _, f := range cmd.Flags {
		if f.Names()[0] == cli.HelpFlag.Names()[0] {
			continue
		}
		d := describe(f)
		if flags[d.category] == nil {
			titles = append(titles, d.category)
		}
		flags[d.category] = append(flags[d.category], d)
	}
	return titles, flags
}

// The width of a help text, and where what a flag does begins.
const (
	helpWidth  = 110
	helpIndent = 30
)

// commandHelp is what a command says of itself.
func commandHelp(program string, cmd *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n\nUsage: %[1]s %[2]s", program, cmd.Name, cmd.Usage)
	titles, flags := sections(cmd)
	if len(titles) > 0 {
		b.WriteString(" [FLAGS]")
	}
	if cmd.ArgsUsage != "" {
		b.WriteString(" " + cmd.ArgsUsage)
	}
	b.WriteString("\n")
	if cmd.Description != "" {
		b.WriteString("\n" + cmd.Description + "\n")
	}
	for _, title := range titles {
		fmt.Fprintf(&b, "\n%s:\n", orFlags(title))
		for _, d := range flags[title] {
			d.help(&b)
		}
	}
	if len(titles) > 0 {
		fmt.Fprintf(&b, "\nEach flag is also a variable: %s for %s.\n", Env("x-y"), "--x-y")
	}
	return b.String()
}

func orFlags(title string) string {
	if title == "" {
		return "Flags"
	}
	return title
}

// help writes a flag's lines.
func (d *description) help(b *strings.Builder) {
	text := d.text
	if d.many {
		text += "; repeatable"
	}
	if d.standard != "" {
		text += " (" + d.standard + ")"
	}
	at, _ := fmt.Fprintf(b, "  %-*s", helpIndent-2, d.flag)
	if at = 2 + utf8.RuneCountInString(d.flag); at >= helpIndent {
		at = helpWidth // what it does begins on a line of its own
	} else {
		at = helpIndent
	}
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		if at+n > helpWidth {
			fmt.Fprintf(b, "\n%*s", helpIndent, "")
			at = helpIndent
		} else if at > helpIndent {
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	b.WriteByte('\n')
}

// appHelp is what a program says of itself.
func appHelp(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\nUsage: %[1]s COMMAND [FLAGS]\n", app.Name, app.Usage)
	if app.Description != "" {
		b.WriteString("\n" + app.Description + "\n")
	}
	b.WriteString("\nCommands:\n")
	for _, cmd := range app.Commands {
		if !cmd.Hidden {
			fmt.Fprintf(&b, "  %-14s %s\n", cmd.Name, cmd.Usage)
		}
	}
	fmt.Fprintf(&b, "\n%s COMMAND --help explains one of them.\n", app.Name)
	return b.String()
}
