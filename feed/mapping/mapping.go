// Package mapping makes decoders of descriptions: for feeds that are of none of the venues in feed/venue,
// in JSON or CSV. A mapping says where in a record the symbol, the time, prices and sizes are; it is
// compiled once, at start, into one tree of places, so that a record is gone through once and nothing is
// allocated for it. docs/mapping.md describes the language.
package mapping

import (
	"crypto/sha256"
	"encoding/binary"
	"regexp"

	"github.com/goccy/go-yaml/ast"

	"tapedeck/feed"
)

// MaxRecord is the longest record that is read, in bytes: what Kafka takes unless told otherwise.
const MaxRecord = 1 << 20

// Formats compiles a section of mappings: names, each with its mapping. An error is an *Error.
func Formats(n ast.Node) ([]*feed.Format, error) {
	c := &compiler{}
	var formats []*feed.Format
	for _, e := range c.entries(n, "mappings") {
		if !formatName.MatchString(e.name) {
			c.fail(e.key, "%q cannot be a mapping's name: small letters, digits and - only, as in desk-trades", e.name)
		}
		formats = append(formats, c.format(e))
	}
	if c.err != nil {
		return nil, c.err
	}
	return formats, nil
}

var formatName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// format compiles one mapping.
func (c *compiler) format(e entry) *feed.Format {
	p := c.compile(e)
	return &feed.Format{
		Name: e.name, Venue: p.constantVenue(), Version: version(e.value), Scope: feed.ScopeRecord,
		New: func(o feed.Options) feed.Decoder { return newDecoder(p, o) },
	}
}

// language is raised only when an unchanged mapping makes other events of an old record.
const language = 1

// version is the hash of a mapping's canonical text: a record's events change with its mapping, so the epoch of its
// rooms must. 31 bits of it, since that is what an int holds everywhere.
func version(n ast.Node) int {
	h := sha256.New()
	h.Write([]byte{language})
	h.Write(canonical(nil, n))
	return int(binary.BigEndian.Uint32(h.Sum(nil)) >> 1)
}
