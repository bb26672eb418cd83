package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrCluster is an error of Migrate that stays until somebody sets up the cluster that it was asked for.
var ErrCluster = errors.New("the cluster is not set up")

// checkCluster is an ErrCluster if the server does not know a cluster, or has not what replicas need: the server itself would say
// so in its own words, and amid the statements.
func (db *DB) checkCluster(ctx context.Context, name string) error {
	clusters, err := db.words(ctx, "SELECT DISTINCT cluster FROM system.clusters ORDER BY cluster")
	if err != nil {
		return err
	}
	if !slices.Contains(clusters, name) {
		known := "it knows none"
		if len(clusters) > 0 {
			known = "it knows " + strings.Join(clusters, ", ")
		}
		return fmt.Errorf("%w: the server knows no cluster %s: %s; name one of remote_servers in its settings", ErrCluster, name, known)
	}
	keepers, err := db.words(ctx, "SELECT name FROM system.tables WHERE database = 'system' AND name = 'zookeeper'")
	if err != nil {
		return err
	}
	if len(keepers) == 0 {
		return fmt.Errorf("%w: the server has no ZooKeeper and no Keeper: name one in its settings, for replicas and for statements that go to each server", ErrCluster)
	}
	macros, err := db.words(ctx, "SELECT macro FROM system.macros")
	if err != nil {
		return err
	}
	for _, macro := range []string{"shard", "replica"} {
		if !slices.Contains(macros, macro) {
			return fmt.Errorf("%w: the server has no macro %s: give each one its own in macros of its settings", ErrCluster, macro)
		}
	}
	return nil
}

// checkReplicas is an ErrCluster if a table has no replicas: one that was there before the cluster was, and was left as it is.
func (db *DB) checkReplicas(ctx context.Context) error {
	alone, err := db.words(ctx, "SELECT name FROM system.tables WHERE database = "+quote(db.database)+" AND engine LIKE '%MergeTree' AND engine NOT LIKE 'Replicated%' ORDER BY name")
	if err != nil || len(alone) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s has no replicas, as it was made without --cluster: choose another --clickhouse-database and copy what is there", ErrCluster, db.Table(alone[0]))
}

// words asks for a list of texts.
func (db *DB) words(ctx context.Context, query string) (list []string, err error) {
	err = db.each(ctx, query, func(scan func(...any) error) error {
		var word string
		defer func() { list = append(list, word) }()
		return scan(&word)
	})
	return list, err
}
