"""Training and evaluation of a small convolutional network. Lines with "#[" belong to some pairs alone."""
import collections, sys
import torch
from torch.nn import functional as F
import memlog
from model import ConvNet

STEPS, BATCH = 14, 16
AHEAD = 2  #[!batches_ahead.b]
AHEAD = 8  #[batches_ahead.b]
side = torch.cuda.Stream()  #[other_stream.b]


def upload(images):
    with torch.cuda.stream(side):  #[other_stream.b]
        x = images.cuda()  #[other_stream.b]
    torch.cuda.current_stream().wait_stream(side)  #[other_stream.b]
    x.record_stream(torch.cuda.current_stream())  #[other_stream.b]
    return x  #[other_stream.b]
    return images.cuda()  #[!other_stream.b holds:batches_ahead]


def batches():
    for _ in range(STEPS + AHEAD):
        yield upload(torch.randn(BATCH, 3, 64, 64))


def main():
    memlog.start()
    torch.manual_seed(0)
    model = ConvNet().cuda()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    source, features = batches(), []
    ahead = collections.deque(next(source) for _ in range(AHEAD))
    for _ in range(STEPS):
        x = ahead.popleft()
        loss = F.cross_entropy(model(x), torch.zeros(BATCH, dtype=torch.long, device="cuda"))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        del x, loss
        ahead.append(next(source))
    model.eval()
    for _ in range(20):
        with torch.no_grad():  #[!graph_kept.b]
            y = model(ahead[0])  #[!graph_kept.b]
        y = model(ahead[0])  #[graph_kept.b]
        features.append(y.mean())
        del y
    memlog.dump(sys.argv[1])


main()
