package flags

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

// The codes with which a program ends. 2 and 3 say that starting again will not help.
const (
	OK          = 0
	Failed      = 1
	WrongFlags  = 2
	WrongConfig = 3
)

// fault is an error with the code to end with.
type fault struct {
	code int
	err  error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// BadFlag is the error of a flag that cannot be: the program ends with WrongFlags.
func BadFlag(format string, args ...any) error {
	return &fault{WrongFlags, fmt.Errorf(format, args...)}
}

// BadConfig is the error of a file, or of the world that the settings point to, that is not as it must be:
// the program ends with WrongConfig.
func BadConfig(format string, args ...any) error {
	return &fault{WrongConfig, fmt.Errorf(format, args...)}
}

// Missing is the error of a flag that must be given and is not. want says what of, as in "a topic".
func Missing(name, want string) error {
	return BadFlag("%s is missing: give it with --%s, in %s, or as %s in the --config file", want, name, Env(name), name)
}

// NoArguments is the error of a command that takes none and got some.
func NoArguments(c *cli.Context) error {
	if c.Args().Present() {
		return BadFlag("%s takes no arguments, but got %q: see %s --help", c.Command.Name, c.Args().First(), c.Command.HelpName)
	}
	return nil
}

// Main runs a program and returns its exit code. The first interrupt ends the context of its commands, the
// second one the process.
func Main(app *cli.App, args []string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2) // none is lost, however close the second one follows
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // ends with the process
		<-signals
		cancel()
		again := <-signals
		signal.Reset()
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			self.Signal(again) // so that whoever waits for us sees what ended us
		}
	}()
	return Run(ctx, app, args)
}

// Run is Main without the signals. app must have been made for this run alone: its flags remember what they
// were set to.
func Run(ctx context.Context, app *cli.App, args []string) int {
	prepare(app, args)
	err := app.RunContext(ctx, reorder(app, args))
	if err == nil {
		return OK
	}
	fmt.Fprintf(app.ErrWriter, "%s: %s\n", app.Name, strings.ReplaceAll(err.Error(), "\n", "; "))
	var f *fault
	var theirs cli.ExitCoder
	switch {
	case errors.As(err, &f):
		return f.code
	case errors.As(err, &theirs): // of the library: there is no such command
		return WrongFlags
	}
	return Failed
}

// prepare adds to an app what the flags of this package promise.
func prepare(app *cli.App, args []string) {
	if app.ErrWriter == nil {
		app.ErrWriter = os.Stderr
	}
	app.ExitErrHandler = func(*cli.Context, error) {} // the library's own would end the process here
	app.EnableBashCompletion = true
	app.DisableSliceFlagSeparator = true // List and Words know where to split
	app.OnUsageError = misused
	app.BashComplete = func(c *cli.Context) { complete(c, args) }
	app.CustomAppHelpTemplate = appHelp(app)
	app.Action = func(c *cli.Context) error {
		if name := c.Args().First(); name != "" {
			return BadFlag("there is no command %s: %s", name, DidYouMean(name, "", commands(app)))
		}
		return cli.ShowAppHelp(c)
	}
	for _, cmd := range app.Commands {
		cmd.OnUsageError = misused
		cmd.HideHelpCommand = true
		cmd.CustomHelpTemplate = commandHelp(app.Name, cmd)
		if cmd.BashComplete == nil {
			cmd.BashComplete = func(c *cli.Context) { complete(c, args) }
		}
		for _, f := range cmd.Flags {
			bind(f)
		}
		if find(cmd.Flags, configFlag) != nil {
			cmd.Before = func(c *cli.Context) error { return fill(c, app) }
		}
	}
}

func commands(app *cli.App) (list []string) {
	for _, c := range app.Commands {
		if !c.Hidden {
			list = append(list, c.Name)
		}
	}
	return list
}

// complete prints what can follow: the flags where one has been begun, else the commands. The word in
// question is the one before the last of args, which is the completion flag itself.
func complete(c *cli.Context, args []string) {
	if len(args) > 1 && strings.HasPrefix(args[len(args)-2], "-") {
		for _, name := range names(c.Command.Flags) {
			fmt.Fprintln(c.App.Writer, "--"+name)
		}
		return
	}
	for _, cmd := range c.Command.Subcommands {
		if !cmd.Hidden {
			fmt.Fprintln(c.App.Writer, cmd.Name)
		}
	}
}

// reorder moves the flags of a command in front of its arguments, so that they may come after them too:
// the library takes the first argument for the end of the flags.
func reorder(app *cli.App, args []string) []string {
	at := 1
	for at < len(args) && strings.HasPrefix(args[at], "-") {
		at++
	}
	if at >= len(args) || strings.HasPrefix(args[len(args)-1], "--generate-") {
		return args
	}
	cmd := app.Command(args[at])
	if cmd == nil || len(cmd.Subcommands) > 0 {
		return args
	}
	var flags, rest []string
	for i := at + 1; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		if a == "-h" || a == "--help" { // the library would look for a topic of the arguments' name
			return slices.Concat(args[:at+1], []string{a})
		}
		flags = append(flags, a)
		name, _, whole := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if f := find(cmd.Flags, name); f != nil && takesValue(f) && !whole {
			if i++; i == len(args) {
				return slices.Concat(args[:at+1], flags) // the value is missing: that is to be said
			}
			flags = append(flags, args[i])
		}
	}
	return slices.Concat(args[:at+1], flags, []string{"--"}, rest)
}

// What the libraries say of a flag that cannot be parsed.
var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -(.*)$`)
	noValue     = regexp.MustCompile(`^flag needs an argument: -(.*)$`)
	badValue    = regexp.MustCompile(`^invalid (?:boolean )?value ("(?:[^"\\]|\\.)*") for (?:flag )?-([^:]+): (?s:(.*))$`)
	badVariable = regexp.MustCompile(`^could not parse ("(?:[^"\\]|\\.)*") (?:as \S+ value )?from environment variable "([^"]+)"(?: as value)? for flag ([^:]+): (?s:(.*))$`)
)

// misused says in our words what is wrong with a command line.
func misused(c *cli.Context, err error, _ bool) error {
	where, list := c.Command.HelpName, c.Command.Flags
	text := err.Error()
	if m := unknownFlag.FindStringSubmatch(text); m != nil {
		return BadFlag("there is no flag --%s: %s", m[1], meant(m[1], list, where))
	}
	if m := noValue.FindStringSubmatch(text); m != nil {
		return BadFlag("--%s needs a value: %s", m[1], want(find(list, m[1])))
	}
	if m := badValue.FindStringSubmatch(text); m != nil {
		return BadFlag("--%s: %s is not %s", m[2], m[1], reason(find(list, m[2]), m[3]))
	}
	if m := badVariable.FindStringSubmatch(text); m != nil {
		return BadFlag("%s: %s is not %s", m[2], m[1], reason(find(list, m[3]), m[4]))
	}
	return BadFlag("%s: see %s --help", text, where)
}

func meant(name string, list []cli.Flag, where string) string {
	if near := Nearest(name, names(list)); near != "" {
		return "did you mean --" + near + "?"
	}
	return "see " + where + " --help"
}

// want says what a flag's value looks like.
func want(f cli.Flag) string {
	switch f := f.(type) {
	case *cli.BoolFlag:
		return "true or false"
	case *cli.IntFlag, *cli.Int64Flag:
		return "a whole number"
	case *cli.Uint64Flag:
		return "a whole number from 0 up"
	case *cli.Float64Flag:
		return "a number"
	case *cli.DurationFlag:
		return "a time with its unit, as in 500ms, 15m or 2h"
	case *cli.GenericFlag:
		if _, ok := f.Value.(*Size); ok {
			return "a number of bytes, as in 65536 or 64KiB"
		}
	}
	return "a text"
}

// reason is what a value ought to be: by its flag's kind, or in the words of a value that knows better.
func reason(f cli.Flag, said string) string {
	if g, ok := f.(*cli.GenericFlag); ok {
		if _, ok := g.Value.(*Size); !ok {
			return "right: " + said
		}
	}
	return want(f)
}
