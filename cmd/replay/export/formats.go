package export

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"
)

// encoder writes rows in a file's format.
type encoder interface {
	write(t *table, r *row) error
	close() error // all that was written is on its way
}

// The formats of files.
const (
	asNDJSON  = "ndjson"
	asCSV     = "csv"
	asParquet = "parquet"
)

func newEncoder(format string, w io.Writer, t *table) encoder {
	switch format {
	case asCSV:
		return &csvEncoder{w: bufio.NewWriterSize(w, 64<<10)}
	case asParquet:
		return newParquetEncoder(w, t)
	}
	return &jsonEncoder{w: bufio.NewWriterSize(w, 64<<10)}
}

// jsonEncoder writes a line of JSON a row. Whatever is absent is left out; prices and quantities are texts.
type jsonEncoder struct {
	w    *bufio.Writer
	line []byte
}

func (e *jsonEncoder) write(t *table, r *row) error {
	b := append(append(append(e.line[:0], `{"kind":"`...), t.name...), '"')
	for i, c := range t.columns {
		v := r.values[i]
		if !v.set {
			continue
		}
		b = append(append(append(b, `,"`...), c.name...), `":`...)
		if c.kind == text {
			b = appendQuoted(b, v.text)
		} else {
			b = appendPlain(b, c.kind, v)
		}
	}
	e.line = append(b, "}\n"...)
	_, err := e.w.Write(e.line)
	return err
}

func (e *jsonEncoder) close() error { return e.w.Flush() }

// csvEncoder writes a line with the columns' names, and then one a row, as RFC 4180 has it.
type csvEncoder struct {
	w     *bufio.Writer
	begun bool
	line  []byte
}

func (e *csvEncoder) write(t *table, r *row) error {
	if !e.begun {
		e.begun = true
		e.head(t)
	}
	b := e.line[:0]
	for i, c := range t.columns {
		if i > 0 {
			b = append(b, ',')
		}
		if v := r.values[i]; c.kind == text && bytes.ContainsAny(v.text, ",\"\r\n") {
			b = append(append(append(b, '"'), bytes.ReplaceAll(v.text, []byte(`"`), []byte(`""`))...), '"')
		} else {
			b = appendPlain(b, c.kind, v)
		}
	}
	e.line = append(b, '\n')
	_, err := e.w.Write(e.line)
	return err
}

func (e *csvEncoder) head(t *table) {
	for i, c := range t.columns {
		if i > 0 {
			e.w.WriteByte(',')
		}
		e.w.WriteString(c.name)
	}
	e.w.WriteByte('\n') // an error is that of the next write, too
}

func (e *csvEncoder) close() error { return e.w.Flush() }

// groupRows is how many rows a group of a Parquet file has: its memory, about 10 MB of it, is what a writer holds.
const groupRows = 64 << 10

// parquetEncoder writes a Parquet file. Times are TIMESTAMP in µs, whatever has decimals is STRING: exact, as the venue wrote
// it, where a DECIMAL has one scale for all rows and cannot be told before the last of them is known (docs/decisions).
type parquetEncoder struct {
	w       *parquet.GenericWriter[any]
	columns []column
	rows    []parquet.Row
	bytes   []byte // what the rows have of texts
}

func newParquetEncoder(w io.Writer, t *table) *parquetEncoder {
	return &parquetEncoder{columns: t.columns, w: parquet.NewGenericWriter[any](w, schema(t),
		parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(groupRows), parquet.CreatedBy("tapedeck", "", ""))}
}

// schema says what the columns are. It is made of a struct, since the library sorts the columns of a group by name.
func schema(t *table) *parquet.Schema {
	fields := make([]reflect.StructField, len(t.columns))
	for i, c := range t.columns {
		f := reflect.StructField{Name: fmt.Sprintf("C%d", i), Type: reflect.TypeFor[int64]()}
		tag := c.name
		switch c.kind {
		case text:
			f.Type = reflect.TypeFor[string]()
			if c.name == "venue" || c.name == "symbol" || c.name == "topic" || c.name == "side" {
				tag += ",dict"
			}
		case flag:
			f.Type = reflect.TypeFor[bool]()
		case moment:
			tag += ",timestamp(microsecond)"
		}
		if c.may {
			tag += ",optional"
		}
		f.Tag = reflect.StructTag(`parquet:"` + tag + `"`)
		fields[i] = f
	}
	return parquet.NewSchema(t.name, parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

func (e *parquetEncoder) write(_ *table, r *row) error {
	n := len(e.rows)
	if n == cap(e.rows) {
		e.rows = append(e.rows, nil)
	}
	e.rows = e.rows[:n+1]
	list := e.rows[n][:0]
	for i, c := range e.columns {
		list = append(list, e.value(i, c, r.values[i]))
	}
	e.rows[n] = list
	if n+1 < 256 {
		return nil
	}
	return e.flush()
}

func (e *parquetEncoder) value(i int, c column, v value) parquet.Value {
	level := 0
	if c.may {
		level = 1
	}
	switch {
	case !v.set && c.may:
		return parquet.NullValue().Level(0, 0, i)
	case c.kind == text:
		at := len(e.bytes)
		e.bytes = append(e.bytes, v.text...)
		return parquet.ByteArrayValue(e.bytes[at:len(e.bytes):len(e.bytes)]).Level(0, level, i)
	case c.kind == flag:
		return parquet.BooleanValue(v.n != 0).Level(0, level, i)
	}
	return parquet.Int64Value(v.n).Level(0, level, i)
}

func (e *parquetEncoder) flush() error {
	_, err := e.w.WriteRows(e.rows)
	e.rows, e.bytes = e.rows[:0], e.bytes[:0]
	return err
}

func (e *parquetEncoder) close() error {
	if err := e.flush(); err != nil {
		return err
	}
	return e.w.Close()
}
