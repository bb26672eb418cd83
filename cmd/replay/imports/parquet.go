package imports

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// parquetFile gives the rows of a Parquet file as JSON objects with its columns as names. Columns in groups and lists are left
// out.
type parquetFile struct {
	file    *os.File
	in      *parquet.File
	columns []*parquetColumn // by their numbers; nil: left out
	groups  []parquet.RowGroup
	rows    parquet.Rows // of the group that is read
	buffer  [64]parquet.Row
	have    []parquet.Row
	row     parquet.Row // the newest
	number  int64
	object  []byte
}

// parquetColumn is how a column's values are written.
type parquetColumn struct {
	title string
	label []byte // its name in the object
	unit  string // of a time: ms, us or ns
	write func(dst []byte, v parquet.Value) []byte
}

func openParquet(path string) (*parquetFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &parquetFile{file: f}
	info, err := f.Stat()
	if err == nil {
		p.in, err = parquet.OpenFile(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: it is no Parquet file, or damaged: %w", path, err)
	}
	p.groups = p.in.RowGroups()
	p.columns = make([]*parquetColumn, len(p.in.Schema().Columns()))
	for _, c := range p.in.Root().Columns() {
		if c.Leaf() && !c.Repeated() {
			p.columns[c.Index()] = newParquetColumn(c)
		}
	}
	return p, nil
}

// next returns the next row, and its number from 1 on.
func (p *parquetFile) next() (object []byte, number int64, err error) {
	for len(p.have) == 0 {
		if p.rows == nil {
			if len(p.groups) == 0 {
				return nil, 0, io.EOF
			}
			p.rows, p.groups = p.groups[0].Rows(), p.groups[1:]
		}
		n, err := p.rows.ReadRows(p.buffer[:])
		p.have = p.buffer[:n]
		if errors.Is(err, io.EOF) {
			err = p.rows.Close()
			if p.rows = nil; n > 0 {
				break
			}
		}
		if err != nil && n == 0 {
			return nil, 0, fmt.Errorf("%s: it cannot be read behind row %d: %w", p.file.Name(), p.number, err)
		}
	}
	p.row, p.have = p.have[0], p.have[1:]
	p.number++
	p.object = append(p.object[:0], '{')
	for _, v := range p.row {
		c := p.columns[v.Column()]
		if c == nil {
			continue
		}
		if len(p.object) > 1 {
			p.object = append(p.object, ',')
		}
		p.object = append(p.object, c.label...)
		if v.IsNull() {
			p.object = append(p.object, "null"...)
		} else {
			p.object = c.write(p.object, v)
		}
	}
	return append(p.object, '}'), p.number, nil
}

// titles lists the columns that are read.
func (p *parquetFile) titles() (list []string) {
	for _, c := range p.columns {
		if c != nil {
			list = append(list, c.title)
		}
	}
	return list
}

// unit is the unit of a column's times; "" where it does not say it.
func (p *parquetFile) unit(title string) string {
	for _, c := range p.columns {
		if c != nil && c.title == title {
			return c.unit
		}
	}
	return ""
}

// value is what stands in a column of the newest row, as the object has it; "" where nothing does.
func (p *parquetFile) value(title string) string {
	for _, v := range p.row {
		if c := p.columns[v.Column()]; c != nil && c.title == title && !v.IsNull() {
			return strings.Trim(string(c.write(nil, v)), `"`)
		}
	}
	return ""
}

func (p *parquetFile) progress() (read, size int64) { return p.number, p.in.NumRows() }

func (p *parquetFile) close() error {
	if p.rows != nil {
		p.rows.Close()
	}
	return p.file.Close()
}

func newParquetColumn(c *parquet.Column) *parquetColumn {
	label, _ := json.Marshal(c.Name())
	p := &parquetColumn{title: c.Name(), label: append(label, ':')}
	kind := c.Type().Kind()
	var logical format.LogicalTypeValue
	if l := c.Type().LogicalType(); l != nil {
		logical = l.Value
	}
	switch l := logical.(type) {
	case *format.DecimalType:
		p.write = func(dst []byte, v parquet.Value) []byte { return appendDecimal(dst, unscaled(kind, v), int(l.Scale)) }
		return p
	case *format.TimestampType:
		switch l.Unit.Value.(type) {
		case *format.MilliSeconds:
			p.unit = "ms"
		case *format.MicroSeconds:
			p.unit = "us"
		case *format.NanoSeconds:
			p.unit = "ns"
		}
	case *format.IntType:
		if !l.IsSigned {
			p.write = func(dst []byte, v parquet.Value) []byte {
				if kind == parquet.Int32 {
					return strconv.AppendUint(dst, uint64(v.Uint32()), 10)
				}
				return strconv.AppendUint(dst, v.Uint64(), 10)
			}
			return p
		}
	}
	switch kind {
	case parquet.Boolean:
		p.write = func(dst []byte, v parquet.Value) []byte { return strconv.AppendBool(dst, v.Boolean()) }
	case parquet.Int32:
		p.write = func(dst []byte, v parquet.Value) []byte { return strconv.AppendInt(dst, int64(v.Int32()), 10) }
	case parquet.Int64:
		p.write = func(dst []byte, v parquet.Value) []byte { return strconv.AppendInt(dst, v.Int64(), 10) }
	case parquet.Int96:
		p.unit = "ns"
		p.write = func(dst []byte, v parquet.Value) []byte { return strconv.AppendInt(dst, nanos(v.Int96()), 10) }
	case parquet.Float:
		p.write = func(dst []byte, v parquet.Value) []byte { return appendFloat(dst, float64(v.Float()), 32) }
	case parquet.Double:
		p.write = func(dst []byte, v parquet.Value) []byte { return appendFloat(dst, v.Double(), 64) }
	default:
		p.write = func(dst []byte, v parquet.Value) []byte { return appendText(dst, string(v.ByteArray())) }
	}
	return p
}

// appendFloat writes the shortest number that is this float: 0.1 is 0.1, though no float is.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}

func appendText(dst []byte, text string) []byte {
	quoted, _ := json.Marshal(text)
	return append(dst, quoted...)
}

// unscaled is a DECIMAL without its point.
func unscaled(k parquet.Kind, v parquet.Value) *big.Int {
	switch k {
	case parquet.Int32:
		return big.NewInt(int64(v.Int32()))
	case parquet.Int64:
		return big.NewInt(v.Int64())
	}
	bytes := v.ByteArray() // two's complement, the highest byte first
	n := new(big.Int).SetBytes(bytes)
	if len(bytes) > 0 && bytes[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(bytes))))
	}
	return n
}

func appendDecimal(dst []byte, n *big.Int, scale int) []byte {
	digits := new(big.Int).Abs(n).String()
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	dst = append(dst, '"')
	if n.Sign() < 0 {
		dst = append(dst, '-')
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), digits[len(digits)-scale:]...)
	}
	return append(dst, '"')
}

// nanos reads a time as Spark and Impala wrote it: ns of a day, and the day in the Julian count.
func nanos(t deprecated.Int96) int64 {
	var b [12]byte
	for i, w := range t {
		binary.LittleEndian.PutUint32(b[4*i:], w)
	}
	const epoch, day = 2_440_588, 86_400e9
	return (int64(t[2])-epoch)*day + int64(binary.LittleEndian.Uint64(b[:8]))
}
