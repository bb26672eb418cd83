package flags

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/urfave/cli/v2"
)

// fill sets from the file that --config names what neither the command line nor the environment has set.
// One file serves all commands of a program: what only other commands know is passed over.
func fill(c *cli.Context, app *cli.App) error {
	name := c.String(configFlag)
	if name == "" {
		return nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return BadConfig("--config: %w", err)
	}
	settings, err := parse(name, text)
	if err != nil {
		return err
	}
	known := append(settable(app), mappingsKey)
	for _, s := range settings {
		if s.name == mappingsKey {
			if err := s.formats(c); err != nil {
				return err
			}
			continue
		}
		if !slices.Contains(known, s.name) {
			return s.bad("there is no setting %s: %s", s.name, DidYouMean(s.name, "", known))
		}
		f := find(c.Command.Flags, s.name)
		if f == nil {
			continue
		}
		values, err := s.values(f)
		if err != nil {
			return err
		}
		if c.IsSet(s.name) {
			continue
		}
		for _, v := range values {
			if err := c.Set(s.name, v); err != nil {
				return s.bad("%s: %q is not %s", s.name, v, reason(f, err.Error()))
			}
		}
	}
	return nil
}

// settable lists what may stand in a file: the flags of all commands that read one.
func settable(app *cli.App) (list []string) {
	for _, cmd := range app.Commands {
		if find(cmd.Flags, configFlag) == nil {
			continue
		}
		for _, f := range cmd.Flags {
			if name := f.Names()[0]; name != configFlag && name != cli.HelpFlag.Names()[0] && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list
}

// setting is one line of a file.
type setting struct {
	name, file string
	value      ast.Node
	at         *token.Position
}

// bad is an error with the setting's place.
func (s *setting) bad(format string, args ...any) error {
	return misplaced(s.file, s.at, format, args...)
}

func misplaced(file string, at *token.Position, format string, args ...any) error {
	if at == nil {
		return BadConfig("%s: %s", file, fmt.Sprintf(format, args...))
	}
	return BadConfig("%s:%d:%d: %s", file, at.Line, at.Column, fmt.Sprintf(format, args...))
}

// parse takes a file apart: one mapping of names to values.
func parse(file string, text []byte) ([]setting, error) {
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		var e yaml.Error
		if errors.As(err, &e) && e.GetToken() != nil {
			return nil, misplaced(file, e.GetToken().Position, "not YAML: %s", e.GetMessage())
		}
		return nil, misplaced(file, nil, "not YAML: %s", err)
	}
	var list []setting
	for i, doc := range tree.Docs {
		if doc.Body == nil {
			continue
		}
		if i > 0 {
			return nil, misplaced(file, doc.Body.GetToken().Position, "a second document: a file of settings has one")
		}
		top, ok := doc.Body.(ast.MapNode)
		if !ok {
			return nil, misplaced(file, doc.Body.GetToken().Position, "not a list of settings: each line is a flag's name and its value, as in warmup: 15m")
		}
		for entry := top.MapRange(); entry.Next(); {
			key := entry.Key().GetToken()
			list = append(list, setting{key.Value, file, entry.Value(), key.Position})
		}
	}
	return list, nil
}

// values returns what to set a flag to, one after the other. Values are not repeated in errors: one may be
// a password.
func (s *setting) values(f cli.Flag) ([]string, error) {
	if _, many := f.(*cli.StringSliceFlag); !many {
		v, err := s.scalar(f, s.value)
		return []string{v}, err
	}
	items := []ast.Node{s.value}
	if seq, ok := s.value.(*ast.SequenceNode); ok {
		items = seq.Values
	}
	var list []string
	for _, item := range items {
		v, err := s.scalar(f, item)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// scalar returns the text of a value, if it is of the kind that the flag takes.
func (s *setting) scalar(f cli.Flag, n ast.Node) (string, error) {
	ok := false
	text := n.GetToken().Value
	switch n := n.(type) {
	case *ast.NullNode:
		return "", s.bad("%s has no value: give it one, or leave the line out", s.name)
	case *ast.StringNode:
		_, ok = f.(*cli.BoolFlag)
		ok, text = !ok, n.Value
	case *ast.LiteralNode:
		_, ok = f.(*cli.BoolFlag)
		ok, text = !ok, strings.TrimRight(n.Value.Value, "\n")
	case *ast.BoolNode:
		_, ok = f.(*cli.BoolFlag)
	case *ast.IntegerNode, *ast.FloatNode:
		_, isText := f.(*cli.StringFlag)
		_, isBool := f.(*cli.BoolFlag)
		ok = !isText && !isBool
	}
	if !ok {
		hint := ""
		if _, isText := f.(*cli.StringFlag); isText {
			hint = ", in quotes if need be"
		}
		return "", misplaced(s.file, n.GetToken().Position, "%s must be %s%s", s.name, want(f), hint)
	}
	return text, nil
}
