print("obsd")
