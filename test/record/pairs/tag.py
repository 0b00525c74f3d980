"""An LSTM that tags a stream of sound. Lines with "#[" belong to some pairs alone."""
import sys
import torch
import memlog
from model import Tagger


def main():
    memlog.start()
    torch.manual_seed(0)
    model = Tagger().cuda().train()
    optimizer, state, history = torch.optim.Adam(model.parameters()), None, []
    for piece in range(24):
        tags, features, state = model(torch.randn(8, 200, 80, device="cuda"), state)
        loss = tags.square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        state = tuple(one.detach() for one in state)
        history.append(float(loss))
        if piece % 3 == 2: history.append(features.detach())  #[lstm_states.b]
        del tags, features, loss
    memlog.dump(sys.argv[1])


main()
