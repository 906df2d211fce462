//go:build linux && amd64

package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Files and folders in the data directory that are ours, not the library's.
const (
	configFile = "enishi.xml"
	usersFile  = "enishi-users.xml"
	backupDir  = "backups" // the only place BACKUP ... TO File() may write to
)

// setting is a name and its value as the engine prints it.
type setting struct{ name, value string }

// durability is what makes an acknowledged INSERT survive power loss: with the library's defaults all of 380
// acknowledged inserts were lost in a cut, and two of three directories did not open again. Each is a MergeTree default
// and is checked at every start.
var durability = []setting{
	{"fsync_after_insert", "1"},
	{"fsync_part_directory", "1"},
	// A merge replaces parts that were synced: without these two, old rows are lost when the merged part is not yet on
	// the disk.
	{"min_rows_to_fsync_after_merge", "1"},
	{"old_parts_lifetime", "480"},
	// Open with what is whole and set the rest aside; the default refuses to open at all above 100 broken parts.
	{"max_suspicious_broken_parts", "100000"},
	// Insert deduplication lost an acknowledged insert (kill between its log and the part) and is never used.
	{"non_replicated_deduplication_window", "0"},
}

// merges keeps the background cheap on few cores.
var merges = []setting{
	// Merge more parts at once, and so each row less often: 14 % less CPU per stored row and a quarter less written than
	// with 5, for about twice as many parts to read (8 instead of 3 to 6).
	{"merge_selector_base", "8"},
	// A vertical merge gathers column by column; with rows of 1 to 2 KB at most that cost 10.5 CPU-us a merged row against
	// 3.4 in one pass (standard mix of make bench).
	{"enable_vertical_merge_algorithm", "0"},
	// The thresholds are made for a pool of 16 threads; ours has one or a few.
	{"number_of_free_entries_in_pool_to_execute_mutation", "1"},
	{"number_of_free_entries_in_pool_to_lower_max_size_of_merge", "1"},
	{"number_of_free_entries_in_pool_to_execute_optimize_entire_partition", "1"},
}

// server bounds memory and threads. The engine's own defaults are for a big server: caches of 5 GiB.
var server = []setting{
	{"mark_cache_size", "67108864"},
	{"index_mark_cache_size", "16777216"},
	{"primary_index_cache_size", "67108864"},
	{"query_condition_cache_size", "33554432"},
	{"compiled_expression_cache_size", "33554432"},
	{"background_merges_mutations_concurrency_ratio", "2"},
	{"background_schedule_pool_size", "2"},
	{"background_common_pool_size", "1"},
	{"background_fetches_pool_size", "1"},
	{"background_move_pool_size", "1"},
	{"max_active_parts_loading_thread_pool_size", "4"},
	{"max_outdated_parts_loading_thread_pool_size", "2"},
	{"max_parts_cleaning_thread_pool_size", "2"},
	// DROP keeps the files that long, for a table dropped by mistake.
	{"database_atomic_delay_before_drop_table_sec", "60"},
}

// profile is what each statement starts with.
var profile = []setting{
	{"async_insert", "0"}, // an insert answers when it is stored
	{"insert_deduplicate", "0"},
	{"deduplicate_insert", "disable"},
	{"log_queries", "0"}, // there is no log table to write to
	// The profilers send signals to the process's threads, which belong to Go.
	{"query_profiler_real_time_period_ns", "0"},
	{"query_profiler_cpu_time_period_ns", "0"},
	{"memory_profiler_step", "0"},
}

// writeConfig writes the library's configuration. It is ours alone: what a hand changed there is gone after a start.
func writeConfig(dir string, memory int64) error {
	users := filepath.Join(dir, usersFile)
	var b strings.Builder
	b.WriteString("<!-- Written by enishi at each start. -->\n<clickhouse>\n")
	fmt.Fprintf(&b, "  <users_config>%s</users_config>\n", xmlText(users))
	fmt.Fprintf(&b, "  <max_server_memory_usage>%d</max_server_memory_usage>\n", memory)
	// Merges get half of the cores at most; the fold has to keep up beside them.
	fmt.Fprintf(&b, "  <background_pool_size>%d</background_pool_size>\n", max(1, runtime.NumCPU()/2))
	writeXML(&b, "  ", server)
	fmt.Fprintf(&b, "  <backups><allowed_path>%s/</allowed_path></backups>\n", xmlText(filepath.Join(dir, backupDir)))
	b.WriteString("  <merge_tree>\n")
	writeXML(&b, "    ", durability)
	writeXML(&b, "    ", merges)
	b.WriteString("  </merge_tree>\n</clickhouse>\n")
	if err := os.WriteFile(filepath.Join(dir, configFile), []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write the engine's configuration: %w", err)
	}

	b.Reset()
	b.WriteString("<!-- Written by enishi at each start. -->\n<clickhouse>\n  <profiles><default>\n")
	writeXML(&b, "    ", profile)
	b.WriteString(`  </default></profiles>
  <users><default>
    <password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
  </default></users>
  <quotas><default></default></quotas>
</clickhouse>
`)
	if err := os.WriteFile(users, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write the engine's configuration: %w", err)
	}
	return nil
}

func writeXML(b *strings.Builder, indent string, settings []setting) {
	for _, s := range settings {
		fmt.Fprintf(b, "%s<%s>%s</%s>\n", indent, s.name, xmlText(s.value), s.name)
	}
}

// settingLines renders settings as name=value.
func settingLines(settings []setting) []string {
	lines := make([]string, len(settings))
	for i, s := range settings {
		lines[i] = s.name + "=" + s.value
	}
	return lines
}

// defaultMemory is a quarter of the machine's memory, at least 1 GiB: the rest is for the Go side and the page cache.
func defaultMemory() int64 {
	const least = 1 << 30
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return least
	}
	return max(least, int64(info.Totalram)*int64(info.Unit)/4)
}
