package flags

import (
	"errors"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// Size is a flag's number of bytes: 65536, 64KiB, 1MiB.
type Size int

// Bytes returns a Size for a cli.GenericFlag.
func Bytes(n int) *Size { return (*Size)(&n) }

// SizeOf returns the value of a flag that is a Size.
func SizeOf(c *cli.Context, name string) int { return int(*c.Generic(name).(*Size)) }

var sizeUnits = []struct {
	name  string
	bytes int
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// Set implements flag.Value.
func (s *Size) Set(text string) error {
	unit := 1
	for _, u := range sizeUnits {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = digits, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 || n > (1<<40)/int64(unit) {
		return errors.New("not a number of bytes")
	}
	*s = Size(int(n) * unit)
	return nil
}

func (s *Size) String() string {
	if s == nil || *s == 0 {
		return "0"
	}
	for _, u := range sizeUnits {
		if int(*s)%u.bytes == 0 && u.bytes > 1 {
			return strconv.Itoa(int(*s)/u.bytes) + u.name
		}
	}
	return strconv.Itoa(int(*s))
}
