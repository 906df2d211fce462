//go:build linux && amd64

package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"enishi"
)

// The engine library that this version was built and tested with: libchdb.so of the npm package
// @chdb/lib-linux-x64-gnu, which `make deps` installs. A new version is a new sum here, after the tests passed on it.
const (
	LibraryVersion = "26.5.3"
	librarySHA256  = "4330da79405733f7572f27c1442f46c03a08301f00859dce0368645731b1e1dc"
	libraryFile    = "libchdb.so"
	libraryEnv     = "ENISHI_CHDB"
)

// FindLibrary returns the path of the engine library: the explicit one if it is not empty, else $ENISHI_CHDB, else the
// place where `make deps` puts it in the user's cache directory. It looks only whether the file is there; its content
// is checked before it is loaded. The error is an [enishi.Error] that names the command to run.
func FindLibrary(explicit string) (path string, err error) {
	source := "the configured path"
	path = explicit
	if path == "" {
		source, path = "$"+libraryEnv, os.Getenv(libraryEnv)
	}
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", missingLibrary("there is no user cache directory to look in", err)
		}
		source, path = "the user's cache", filepath.Join(cache, "enishi", "chdb-"+LibraryVersion, libraryFile)
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the engine library: %w", err)
	}
	switch info, err := os.Stat(path); {
	case err != nil:
		return "", missingLibrary(fmt.Sprintf("%s (%s) cannot be read", path, source), err)
	case !info.Mode().IsRegular():
		return "", missingLibrary(fmt.Sprintf("%s (%s) is not a file", path, source), nil)
	}
	return path, nil
}

func missingLibrary(what string, cause error) error {
	return &enishi.Error{
		Code:  enishi.Unavailable,
		Msg:   "the engine library is not installed: " + what + "; run `make deps`, or use --clickhouse",
		MsgJA: "エンジンのライブラリが見つかりません（" + what + "）。`make deps` を実行するか、--clickhouse を指定してください",
		Err:   cause,
	}
}

// verified is what the stamp beside the library remembers: this very file had the right sum. Hashing half a gigabyte
// takes two seconds, too long for every start. Replacing or touching the file changes at least one of the fields.
type verified struct {
	Size    int64  `json:"size"`
	ModTime int64  `json:"mtime_ns"`
	Changed int64  `json:"ctime_ns"`
	Inode   uint64 `json:"inode"`
	SHA256  string `json:"sha256"`
}

// checkLibrary makes sure that the file is the library with the wanted SHA-256 (hex). It trusts a stamp only if nobody
// but this user or root can have written it; a stamp that cannot be written costs the next start the two seconds.
func checkLibrary(path, want string) error {
	now, err := identify(path)
	if err != nil {
		return fmt.Errorf("check the engine library: %w", err)
	}
	now.SHA256 = want
	stamp := path + ".verified"
	if trusted(stamp) {
		var seen verified
		if text, err := os.ReadFile(stamp); err == nil && json.Unmarshal(text, &seen) == nil && seen == now {
			return nil
		}
	}
	got, err := hashFile(path)
	if err != nil {
		return fmt.Errorf("check the engine library: %w", err)
	}
	if got != want {
		return &enishi.Error{Code: enishi.Invalid,
			Msg: fmt.Sprintf("the engine library %s is not the expected version %s (SHA-256 %s, want %s); run `make deps`",
				path, LibraryVersion, got, want),
			MsgJA: fmt.Sprintf("エンジンのライブラリ %s は想定のバージョン %s ではありません。`make deps` を実行してください",
				path, LibraryVersion)}
	}
	if text, err := json.Marshal(now); err == nil {
		writeStamp(stamp, text)
	}
	return nil
}

// writeStamp replaces the stamp in one step. Its failure is no error: the library may lie in a read-only place.
func writeStamp(path string, text []byte) {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if errors.Join(err, tmp.Close()) == nil {
		_ = os.Rename(tmp.Name(), path)
	}
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{f}, make([]byte, 1<<20)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// trusted reports whether path is a regular file that only its owner, this user or root, can write.
func trusted(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o022 != 0 {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (st.Uid == 0 || int(st.Uid) == os.Geteuid())
}

func identify(path string) (verified, error) {
	info, err := os.Stat(path)
	if err != nil {
		return verified{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return verified{}, fmt.Errorf("%s: %w", path, fs.ErrInvalid)
	}
	return verified{Size: st.Size, ModTime: st.Mtim.Nano(), Changed: st.Ctim.Nano(), Inode: st.Ino}, nil
}
