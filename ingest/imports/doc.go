// Package imports takes files of other systems in: it keeps an uploaded file, shows what it would become, and appends its
// events to the source topics.
//
// A file comes in parts and is kept under Config.Dir with a record of its import (job.json), on the replica that took it. One
// import runs at a time, in order of its start; it goes on when whoever asked is gone, and from where it was after a restart.
//
// All events of a file go to one partition of their topic, in the file's order, each with a mark of (what the file has and how it
// was mapped, row): the fold keeps the highest row of each such file for ever, so that whatever is sent again, after a crash or
// because somebody imports the same file anew, changes nothing. A corrected mapping is another mark: what it says counts.
//
// Imported events are historical: they change facts and memberships and send nothing. Only of an import that is said to be live
// those younger than a day act like any other event.
package imports
