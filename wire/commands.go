package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// MaxCommands is how many commands one frame may hold.
const MaxCommands = 64

// Commands reads one command or an array of them. Either all of a frame is good or none of it is
// carried out.
func (e *encoding) Commands(msg []byte) ([]Command, error) {
	v, err := e.decode(msg)
	if err != nil {
		return nil, &CommandError{Code: BadRequest, Message: err.Error()}
	}
	list, many := v.([]any)
	if !many {
		list = []any{v}
	}
	if len(list) == 0 || len(list) > MaxCommands {
		return nil, &CommandError{Code: BadRequest, Message: fmt.Sprintf("a frame holds 1 to %d commands, not %d", MaxCommands, len(list))}
	}
	commands := make([]Command, len(list))
	for i, v := range list {
		if err := commands[i].read(v); err != nil {
			return nil, err
		}
	}
	return commands, nil
}

// fields reads the fields of one decoded object, and keeps the first fault. A field that is not
// there, or null, reads as its zero value.
type fields struct {
	m     map[string]any
	path  string // "rooms[3]."
	fault string
}

func (f *fields) expect(name, what string) {
	if f.fault == "" {
		f.fault = f.path + name + ": expected " + what
	}
}

func (f *fields) text(name string) string {
	v, ok := f.m[name].(string)
	if !ok && f.m[name] != nil {
		f.expect(name, "a string")
	}
	return v
}

func (f *fields) flag(name string) bool {
	v, ok := f.m[name].(bool)
	if !ok && f.m[name] != nil {
		f.expect(name, "true or false")
	}
	return v
}

// count reads an integer of at least 0.
func (f *fields) count(name string) int64 {
	if f.m[name] == nil {
		return 0
	}
	v, _ := f.m[name].(json.Number)
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || n < 0 || n > maxInt {
		f.expect(name, "an integer from 0 to 2^53-1")
		return 0
	}
	return n
}

// textOrNumber reads what may be written either way: a time, a speed.
func (f *fields) textOrNumber(name string) string {
	if v, ok := f.m[name].(json.Number); ok {
		return string(v)
	}
	if v, ok := f.m[name].(string); ok || f.m[name] == nil {
		return v
	}
	f.expect(name, "a string or a number")
	return ""
}

func (c *Command) read(v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return &CommandError{Code: BadRequest, Message: `expected a command, as in {"op":"ping"}`}
	}
	f := &fields{m: m}
	if id := m["id"]; id != nil {
		if c.ID, ok = idOf(id); !ok {
			c.ID = nil
			f.expect("id", fmt.Sprintf("an integer up to 2^53-1 or a string of at most %d characters", MaxID))
		}
	}
	if c.Op = f.text("op"); c.Op == "" {
		f.expect("op", "the name of a command")
	}
	c.Rooms = f.requests("rooms")
	c.Interval = f.text("interval")
	c.Strict = f.flag("strict")
	c.Token = f.text("token")
	c.To = f.textOrNumber("to")
	c.Speed = f.textOrNumber("speed")
	c.Records = f.count("records")
	if f.fault != "" {
		return &CommandError{ID: c.ID, Code: BadRequest, Message: f.fault}
	}
	return nil
}

func (f *fields) requests(name string) []Request {
	if f.m[name] == nil {
		return nil
	}
	list, ok := f.m[name].([]any)
	if !ok {
		f.expect(name, "an array")
		return nil
	}
	requests := make([]Request, len(list))
	for i, v := range list {
		f.request(&requests[i], v, fmt.Sprintf("%s[%d]", name, i))
		if f.fault != "" {
			return nil
		}
	}
	return requests
}

func (f *fields) request(r *Request, v any, path string) {
	if room, ok := v.(string); ok {
		r.Room = room
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		f.expect(path, `the name of a room or {"room":…}`)
		return
	}
	g := &fields{m: m, path: path + "."}
	if r.Room = g.text("room"); r.Room == "" {
		g.expect("room", "the name of a room")
	}
	r.Interval = g.text("interval")
	r.Last = int(min(g.count("last"), 1<<31-1))
	r.Since = g.since("since")
	f.fault = g.fault
}

func (f *fields) since(name string) *Since {
	if f.m[name] == nil {
		return nil
	}
	m, ok := f.m[name].(map[string]any)
	if !ok {
		f.expect(name, `{"epoch":…,"seq":…}`)
		return nil
	}
	g := &fields{m: m, path: f.path + name + "."}
	s := &Since{Epoch: g.text("epoch"), Seq: uint64(g.count("seq"))}
	if m["seq"] == nil {
		g.expect("seq", "the last seq that was applied")
	}
	if f.fault == "" {
		f.fault = g.fault
	}
	return s
}
