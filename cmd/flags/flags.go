// Package flags is what the commands have in common: how a setting is given, how a mistake is told, and
// with which code a program ends.
//
// Every flag is also an environment variable and a line of the file named with --config. What is given on
// the command line wins over the environment, that over the file, and that over the default. A command is
// an ordinary cli.Command that names its flags and nothing else: Run adds the rest. No flag is Required,
// since the file is read after that is checked: an action asks with Missing.
package flags

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Env is the environment variable of a flag: TAPEDECK_DRAIN_WAIT for drain-wait.
func Env(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

const envPrefix = "TAPEDECK_"

// Strays lists the variables of the environment that look like those of an app and are not: a slip, or
// another program's.
func Strays(app *cli.App, environ []string) (list []string) {
	known := []string{}
	for _, cmd := range app.Commands {
		for _, name := range names(cmd.Flags) {
			known = append(known, Env(name))
		}
	}
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix) && !slices.Contains(known, name) {
			text := name + " is not a variable of " + app.Name
			if near := Nearest(strings.TrimPrefix(name, envPrefix), trimmed(known)); near != "" {
				text += ": did you mean " + envPrefix + near + "?"
			}
			list = append(list, text)
		}
	}
	return list
}

func trimmed(known []string) (list []string) {
	for _, k := range known {
		list = append(list, strings.TrimPrefix(k, envPrefix))
	}
	return list
}

// Config is the flag that names a file of settings. A command that has it takes settings from that file.
func Config() cli.Flag {
	return &cli.StringFlag{Name: configFlag, Usage: "take settings from a YAML `FILE`: a flag's name and its value a line"}
}

const configFlag = "config"

// List returns the values of a flag that may be repeated. Each of them may itself be a list, separated by
// commas or white space.
func List(c *cli.Context, name string) (list []string) {
	for _, v := range c.StringSlice(name) {
		list = append(list, strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })...)
	}
	return list
}

// Words is List for values that may have commas in them: they are separated by white space alone.
func Words(c *cli.Context, name string) (list []string) {
	for _, v := range c.StringSlice(name) {
		list = append(list, strings.Fields(v)...)
	}
	return list
}

// bind gives a flag its environment variable.
func bind(f cli.Flag) {
	env := []string{Env(f.Names()[0])}
	switch f := f.(type) {
	case *cli.BoolFlag:
		f.EnvVars = env
	case *cli.StringFlag:
		f.EnvVars = env
	case *cli.StringSliceFlag:
		f.EnvVars = env
	case *cli.IntFlag:
		f.EnvVars = env
	case *cli.Int64Flag:
		f.EnvVars = env
	case *cli.Uint64Flag:
		f.EnvVars = env
	case *cli.Float64Flag:
		f.EnvVars = env
	case *cli.DurationFlag:
		f.EnvVars = env
	case *cli.GenericFlag:
		f.EnvVars = env
	default:
		panic(fmt.Sprintf("flag --%s: a %T is not one of the kinds that bind knows", f.Names()[0], f))
	}
}

// find returns the flag of a name, nil if there is none.
func find(list []cli.Flag, name string) cli.Flag {
	for _, f := range list {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	return nil
}

// takesValue reports whether a flag is followed by a value.
func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// names lists the flags of a command.
func names(list []cli.Flag) (all []string) {
	for _, f := range list {
		all = append(all, f.Names()[0])
	}
	return all
}
