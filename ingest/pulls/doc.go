// Package pulls takes files in that others put somewhere: a folder, an SFTP server or a bucket (internal/place), on a schedule.
//
// A file is known by its name, size and time of writing, and by its content: once it was taken, or was refused as a whole, it is not
// read again. One that may still be written is left until it stands still, or until the file that says so is there. It is fetched
// whole before a row of it counts, and looked at once more after that. What it becomes is the work of package imports, whose marks
// make a file that is read twice, as after a crash, count once.
//
// One replica pulls. What it did stands in the tables file_pull_files and file_pull_looks, so that another one goes on from there.
package pulls
