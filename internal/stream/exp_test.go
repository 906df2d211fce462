package stream
import ("testing";"os";"fmt";"time";"github.com/twmb/franz-go/pkg/kfake")
func TestExp(t *testing.T) {
	if os.Getenv("EXPDIR")=="" { t.Skip() }
	t0:=time.Now()
	_, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(os.Getenv("EXPDIR")), kfake.SyncWrites())
	fmt.Println(time.Since(t0), err); os.Exit(0)
}
