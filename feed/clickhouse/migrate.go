package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	schema "tapedeck/deploy/clickhouse"
)

// Plan is how the archive's tables are to be made.
type Plan struct {
	Cluster string // made on each server of this cluster, with a replica of the data on each; "": on one server
	Days    int    // days that records, checkpoints and trades are kept; 0: for ever, or as it was set before
}

// Step is one statement of a migration.
type Step struct {
	Version int // that the statement belongs to; 0: whatever the version
	SQL     string
}

// Migrate makes the tables, or brings older ones up to date, and then compares them with what they must be. What is done
// already is left as it is: it may be run again at any time. told, where not nil, is called before each statement.
func (db *DB) Migrate(ctx context.Context, p Plan, told func(Step)) error {
	v, err := db.Version(ctx)
	if err != nil {
		return err
	}
	if err := v.check(); err != nil {
		return err
	}
	prelude, err := p.prelude(v, db.database)
	if err != nil {
		return err
	}
	versions, err := p.versions(v, db.database)
	if err != nil {
		return err
	}
	if p.Cluster != "" {
		if err := db.checkCluster(ctx, p.Cluster); err != nil {
			return err
		}
	}
	run := func(s Step) error {
		if told != nil {
			told(s)
		}
		err := db.exec(ctx, s.SQL)
		if p.Cluster != "" && errors.Is(err, ErrAway) {
			return fmt.Errorf("%w; each server of the cluster %s must answer", err, p.Cluster)
		}
		return err
	}
	for _, s := range prelude {
		if err := run(s); err != nil {
			return err
		}
	}
	done := 0
	if p.Cluster == "" { // to a cluster a server may have been added: nothing is left out
		if done, err = db.version(ctx); err != nil {
			return err
		}
	}
	for _, s := range slices.Concat(versions, p.retention(db.database)) {
		if s.Version > 0 && s.Version <= done {
			continue
		}
		if err := run(s); err != nil {
			return err
		}
	}
	if p.Cluster != "" {
		if err := db.checkReplicas(ctx); err != nil {
			return err
		}
	}
	return db.Check(ctx)
}

// Steps are the statements that make the tables anew on a server of a version.
func (p Plan) Steps(v Version, database string) ([]Step, error) {
	prelude, err := p.prelude(v, database)
	if err != nil {
		return nil, err
	}
	versions, err := p.versions(v, database)
	return slices.Concat(prelude, versions, p.retention(database)), err
}

// prelude makes the database and the table of versions.
func (p Plan) prelude(v Version, database string) ([]Step, error) {
	if p.Cluster != "" && !names.MatchString(p.Cluster) {
		return nil, fmt.Errorf("%q cannot name a cluster: use letters, digits and _", p.Cluster)
	}
	if p.Days > 0 && !v.least(20, 3) {
		return nil, fmt.Errorf("ClickHouse %s removes nothing by its age: leave --ttl out and drop days yourself, as in ALTER TABLE %s.records DROP PARTITION '2026-01-31'", v, database)
	}
	text := `CREATE DATABASE IF NOT EXISTS ` + database + ` {{on}};
CREATE TABLE IF NOT EXISTS {{table "versions"}} {{on}} (
    day Date DEFAULT today(),
    version UInt32,
    name String
) ENGINE = {{replacing "versions"}} PARTITION BY tuple() ORDER BY version`
	return p.render(v, database, 0, text)
}

// versions are the files of the schema, each followed by the note that it is done.
func (p Plan) versions(v Version, database string) (all []Step, err error) {
	files, err := fs.Glob(schema.Files, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	for _, file := range files {
		number, name, _ := strings.Cut(strings.TrimSuffix(file, ".sql"), "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("deploy/clickhouse/%s: its name does not begin with a version", file)
		}
		text, err := schema.Files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		steps, err := p.render(v, database, version, string(text))
		if err != nil {
			return nil, fmt.Errorf("deploy/clickhouse/%s: %w", file, err)
		}
		note := fmt.Sprintf("INSERT INTO %s.versions (version, name) SELECT toUInt32(%d), '%s'", database, version, name)
		all = append(append(all, steps...), Step{version, note})
	}
	return all, nil
}

// retention lets the server remove what is old. It is set anew each time, so that another number of days takes effect.
func (p Plan) retention(database string) (steps []Step) {
	if p.Days == 0 {
		return nil
	}
	on := ""
	if p.Cluster != "" {
		on = " ON CLUSTER " + p.Cluster
	}
	for _, table := range []string{"records", "days", "marks", "holes", "checkpoints", "trades"} {
		steps = append(steps, Step{0, fmt.Sprintf("ALTER TABLE %s.%s%s MODIFY TTL day + toIntervalDay(%d)", database, table, on, p.Days)})
	}
	return steps
}

// render fills in what differs between servers and takes a text apart into statements.
func (p Plan) render(v Version, database string, version int, text string) (steps []Step, err error) {
	engine := func(kind, table, by string) string {
		if p.Cluster == "" {
			return kind + "(" + by + ")"
		}
		path := fmt.Sprintf("'/clickhouse/tables/{shard}/%s/%s', '{replica}'", database, table)
		if by != "" {
			path += ", " + by
		}
		return "Replicated" + kind + "(" + path + ")"
	}
	modern := v.least(20, 3) // codecs, dictionaries of words and TTL are safe to use from here
	t, err := template.New("").Funcs(template.FuncMap{
		"table": func(name string) string { return database + "." + name },
		"on": func() string {
			if p.Cluster == "" {
				return ""
			}
			return "ON CLUSTER " + p.Cluster
		},
		"codec": func(codec string) string {
			if !modern {
				return ""
			}
			return "CODEC(" + codec + ")"
		},
		"word": func() string {
			if !modern {
				return "String"
			}
			return "LowCardinality(String)"
		},
		"dropParts": func() string {
			if !modern {
				return ""
			}
			return ", ttl_only_drop_parts = 1"
		},
		"replacing":   func(table string) string { return engine("ReplacingMergeTree", table, "") },
		"replacingBy": func(table, by string) string { return engine("ReplacingMergeTree", table, by) },
		"aggregating": func(table string) string { return engine("AggregatingMergeTree", table, "") },
	}).Parse(comments.ReplaceAllString(text, ""))
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := t.Execute(&b, nil); err != nil {
		return nil, err
	}
	for statement := range strings.SplitSeq(b.String(), ";\n") {
		if statement = strings.TrimSpace(strings.ReplaceAll(statement, "  (", " (")); statement != "" {
			steps = append(steps, Step{version, strings.TrimSuffix(statement, ";")})
		}
	}
	return steps, nil
}

var comments = regexp.MustCompile(`(?m)^--.*\n`)

// version is the newest one that was made here.
func (db *DB) version(ctx context.Context) (newest int, err error) {
	err = db.each(ctx, "SELECT max(version) FROM "+db.Table("versions"), func(scan func(...any) error) error {
		var v uint32
		defer func() { newest = int(v) }()
		return scan(&v)
	})
	return newest, err
}

// column is one of a table's.
type column struct{ table, name, kind string }

// columnLine is a column in the schema's text.
var columnLine = regexp.MustCompile(`^    (\w+) (.+?)(?: DEFAULT .*)?(?: CODEC\(.*\))?,?$`)

// expected lists the columns that the schema's text makes.
func expected(v Version, database string) (list []column, err error) {
	steps, err := Plan{}.versions(v, database)
	for _, s := range steps {
		rest, ok := strings.CutPrefix(s.SQL, "CREATE TABLE IF NOT EXISTS "+database+".")
		if !ok {
			continue
		}
		table, rest, _ := strings.Cut(rest, " ")
		for line := range strings.SplitSeq(rest, "\n") {
			if m := columnLine.FindStringSubmatch(strings.TrimRight(line, " ")); m != nil {
				list = append(list, column{table, m[1], plain(strings.TrimSpace(m[2]))})
			}
		}
	}
	return list, err
}

// plain is a type without what makes no difference to us.
func plain(kind string) string {
	if inner, ok := strings.CutPrefix(kind, "LowCardinality("); ok {
		return strings.TrimSuffix(inner, ")")
	}
	return kind
}

// Check compares the tables with what they must be. It is an ErrSchema that names the first difference.
func (db *DB) Check(ctx context.Context) error {
	v, err := db.Version(ctx)
	if err != nil {
		return err
	}
	if err := v.check(); err != nil {
		return err
	}
	want, err := expected(v, db.database)
	if err != nil {
		return err
	}
	have, tables := map[[2]string]string{}, map[string]bool{}
	query := "SELECT table, name, type FROM system.columns WHERE database = " + quote(db.database)
	err = db.each(ctx, query, func(scan func(...any) error) error {
		var c column
		if err := scan(&c.table, &c.name, &c.kind); err != nil {
			return err
		}
		have[[2]string{c.table, c.name}], tables[c.table] = plain(c.kind), true
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range want {
		kind, ok := have[[2]string{c.table, c.name}]
		switch {
		case !tables[c.table]:
			return fmt.Errorf("%w: there is no table %s: `replay migrate` makes it", ErrSchema, db.Table(c.table))
		case !ok || kind != c.kind:
			return fmt.Errorf("%w: column %s of %s is %s, but must be %s: the table is not an archive's; rename it, or choose another --clickhouse-database",
				ErrSchema, c.name, db.Table(c.table), cmp.Or(kind, "missing"), c.kind)
		}
	}
	db.checked.Store(true)
	return nil
}

// check is an ErrSchema for a server that is too old to have the tables.
func (v Version) check() error {
	if !v.least(Oldest.Major, Oldest.Minor) {
		return fmt.Errorf("%w: the server is ClickHouse %s, and %s is the oldest that will do", ErrSchema, v, Oldest)
	}
	return nil
}

// quote writes a text as SQL does.
func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
