package embedded

import (
	"io/fs"
	"syscall"
)

func ownerOf(info fs.FileInfo) (uid int, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

func identity(info fs.FileInfo) (verified, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return verified{}, false
	}
	return verified{Size: st.Size, ModTime: st.Mtim.Nano(), Changed: st.Ctim.Nano(), Inode: st.Ino}, true
}
