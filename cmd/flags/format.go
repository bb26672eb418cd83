package flags

import (
	"errors"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/urfave/cli/v2"

	"tapedeck/feed"
	"tapedeck/feed/mapping"
	"tapedeck/feed/venue"
)

// mappingsKey is the setting that is no flag: the formats that a file describes.
const mappingsKey = "mappings"

// Formats lists the formats that a feed may have: those of the venues, then those that the file of settings describes.
func Formats(c *cli.Context) []*feed.Format {
	own, _ := c.App.Metadata[mappingsKey].([]*feed.Format)
	return append(venue.Formats[:len(venue.Formats):len(venue.Formats)], own...)
}

// Mapped reports that a format is of a file of settings, and no venue's.
func Mapped(f *feed.Format) bool { return !slices.Contains(venue.Formats, f) }

// Format returns the one of a name; an error says which there are.
func Format(all []*feed.Format, name string) (*feed.Format, error) {
	for _, f := range all {
		if f.Name == name {
			return f, nil
		}
	}
	return nil, BadFlag("--feed: there is no format %s: %s", name, DidYouMean(name, "", FormatNames(all)))
}

// FormatNames lists the names of formats.
func FormatNames(all []*feed.Format) (names []string) {
	for _, f := range all {
		names = append(names, f.Name)
	}
	return names
}

// formats reads the formats that a file describes.
func (s *setting) formats(c *cli.Context) error {
	own, err := mapping.Formats(s.value)
	var mistake *mapping.Error
	if errors.As(err, &mistake) {
		text := mistake.Text
		if mistake.Word != "" {
			text += ": " + DidYouMean(mistake.Word, "", mistake.Known)
		}
		return BadConfig("%s:%d:%d: %s", s.file, mistake.Line, mistake.Column, text)
	}
	for it := s.value.(ast.MapNode).MapRange(); it.Next(); {
		key := it.Key().GetToken()
		if _, known := venue.Lookup(key.Value); known {
			return misplaced(s.file, key.Position, "%s is a venue's format: give the mapping another name", key.Value)
		}
	}
	if c.App.Metadata == nil {
		c.App.Metadata = map[string]any{}
	}
	c.App.Metadata[mappingsKey] = own
	return err
}
