def save_checkpoint(module, path):
    raise NotImplementedError
